"""Pages of a list, newest first: an opaque cursor and a bounded size.

The cursor is the place of the last item seen, `(created_at, id)`, so pages neither skip nor repeat
when something is added meanwhile, and a deep page costs no more than the first. It is opaque, not
secret: lists are scoped to their owner before a cursor is looked at.
"""

from __future__ import annotations

import base64
import binascii
import struct
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel
from sqlalchemy import tuple_

from app.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncSession

    from app.database import HasIdentity

T = TypeVar("T")
M = TypeVar("M", bound="HasIdentity")

MAX_PAGE = 100
_LAYOUT = struct.Struct(">q16s")  # microseconds since the epoch, id
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

PageSize = Annotated[int, Query(alias="limit", ge=1, le=MAX_PAGE, description="Items per page.")]
Cursor = Annotated[
    str | None,
    Query(
        min_length=32,
        max_length=32,
        pattern="^[A-Za-z0-9_-]*$",
        description="`next_cursor` of the page before this one.",
    ),
]


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: list[T]
    next_cursor: str | None
    """Give it back as `cursor` for the next page; null on the last one."""


def encode_cursor(created_at: datetime, identity: uuid.UUID) -> str:
    """Return the cursor that stands behind this item."""
    microseconds = (created_at - _EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(_LAYOUT.pack(microseconds, identity.bytes)).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[datetime, uuid.UUID]:
    """Return the place that a cursor stands for.

    Raises:
        Malformed: it is not one of ours.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        microseconds, identity = _LAYOUT.unpack(raw)
        return _EPOCH + timedelta(microseconds=microseconds), uuid.UUID(bytes=identity)
    except (binascii.Error, struct.error, OverflowError, ValueError) as error:
        raise Malformed("The cursor is not one that this service gave out.") from error


async def newest_first(
    session: AsyncSession, query: Select[M], model: type[M], limit: int, cursor: str | None
) -> tuple[Sequence[M], str | None]:
    """Return a page of `query` and the cursor of the next one.

    Args:
        session: where to run it.
        query: what may be seen, already scoped to its owner.
        model: the class that the query selects.
        limit: items on the page, 1 to `MAX_PAGE`.
        cursor: where the page before ended, or None for the first.
    """
    columns: Any = tuple_(model.created_at, model.id)
    if cursor is not None:
        query = query.where(columns < tuple_(*decode_cursor(cursor)))
    query = query.order_by(model.created_at.desc(), model.id.desc()).limit(limit + 1)
    found = (await session.scalars(query)).all()
    page = found[:limit]
    following = encode_cursor(page[-1].created_at, page[-1].id) if len(found) > limit else None
    return page, following
