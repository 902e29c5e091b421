"""What belongs to somebody is reached by nobody else: every query is scoped in this one place.

A model says `Owned`. From then on whoever selects, counts, joins, loads, changes or deletes it
through a session gets the principal's rows only, whether the query says so or not; a new row is
the principal's, and stays so. Without a principal it is an error, not an empty list: a mistake is
to be seen. `every_owner=True` among a statement's execution options is the one way around, for
operators' commands and administrators' functions; what an administrator changes that way is
changed by a statement, since no object of another owner is ever written back.
"""

from __future__ import annotations

import re
import uuid  # noqa: TC003 - SQLAlchemy resolves it at run time
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, event
from sqlalchemy.orm import Mapped, Mapper, ORMExecuteState, Session, mapped_column
from sqlalchemy.orm import with_loader_criteria as criteria_for

from app.layers.authorization.guard import (
    OWNED_TABLES,
    OWNER,
    OwnedByPrincipal,
    UnscopedQueryError,
    owned_by_principal,
    principal_id,
)
from app.layers.authorization.last_check import SCOPED, is_for_every_owner

if TYPE_CHECKING:
    from sqlalchemy import Connection


class Owned:
    """A model whose rows belong to a user each."""

    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    """Set when it is stored; never by hand."""

    @classmethod
    def belongs_to_principal(cls) -> OwnedByPrincipal:
        """Return the condition for this class, or for an alias of it."""
        column: Any = cls.owner_id
        return owned_by_principal(column.__clause_element__())


_SCOPE = criteria_for(Owned, lambda cls: cls.belongs_to_principal(), include_aliases=True)


def _remember_table(mapper: Mapper[Any], class_: type[Any]) -> None:
    """Note the table of a model.

    Raises:
        TypeError: it has no owner of its own (joined inheritance), so nothing could limit it; or
            its name is not a word in small letters, so it could not be found in a text.
    """
    table: Any = mapper.local_table
    if OWNER not in table.c:
        raise TypeError(f"{class_.__name__} is Owned, so its table needs a column {OWNER}")
    if not re.fullmatch(r"[a-z0-9_]+", table.name):
        raise TypeError(f"{class_.__name__} is Owned, so its table needs a name in small letters")
    OWNED_TABLES.add(table.name)


def _scope(state: ORMExecuteState) -> None:
    """Limit a statement to the principal's rows, in all its parts."""
    changes_or_reads = state.is_select or state.is_update or state.is_delete
    if not (state.is_orm_statement and changes_or_reads):
        return  # `last_check.py` sees to it
    if is_for_every_owner(state.execution_options):
        return
    statement: Any = state.statement
    if state.is_column_load:
        # SQLAlchemy leaves criteria out when it reads an object again that it has.
        mapper = state.bind_mapper
        if mapper is not None and issubclass(mapper.class_, Owned):
            state.statement = statement.where(mapper.class_.belongs_to_principal())
    elif _SCOPE not in statement._with_options:  # noqa: SLF001 - a lazy load brings it along
        state.statement = statement.options(_SCOPE)
    if not state.is_select:
        state.update_execution_options(**{SCOPED: True})


def _stamp(mapper: Mapper[Any], connection: Connection, row: Owned) -> None:
    """Make a new row the principal's.

    Raises:
        UnscopedQueryError: it was made for somebody else.
    """
    if row.owner_id is None:
        row.owner_id = principal_id()
    _keep(mapper, connection, row)


def _keep(_mapper: Mapper[Any], _connection: Connection, row: Owned) -> None:
    """Let nobody write what is somebody else's.

    Raises:
        UnscopedQueryError: it is, or was.
    """
    if row.owner_id != principal_id():
        raise UnscopedQueryError(f"a {type(row).__name__} of somebody else was to be written")


class OwnerSession(Session):
    """A session that gives nobody an object that it has at hand from somebody else's query."""

    def get(self, *arguments: Any, **options: Any) -> Any:
        """Return the object of this id, or None: there is none, or it is somebody else's.

        SQLAlchemy's own `get_one` and `merge` ask here.
        """
        found = super().get(*arguments, **options)
        return found if self._may_be_given(found, options) else None

    def _may_be_given(self, found: object, options: dict[str, Any]) -> bool:
        if not isinstance(found, Owned) or is_for_every_owner(options.get("execution_options", {})):
            return True
        return found.owner_id == principal_id()


event.listen(Owned, "after_mapper_constructed", _remember_table, propagate=True)
event.listen(Owned, "before_insert", _stamp, propagate=True)
event.listen(Owned, "before_update", _keep, propagate=True)
event.listen(Owned, "before_delete", _keep, propagate=True)
event.listen(Session, "do_orm_execute", _scope)
