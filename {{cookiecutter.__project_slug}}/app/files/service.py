"""What files do. `_of` is the one place where they are read: always scoped to their owner.

No transaction is open while the storage is waited for: a slow bucket must not hold a connection, or
the one write lock that SQLite has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from app.errors import NotFound
from app.files.models import File
from app.layers.logs import Event, log_event
from app.pagination import newest_first

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncSession

    from app.layers.authorization import Principal
    from app.layers.uploads import CleanFile, Storage


def _of(principal: Principal) -> Select[File]:
    return select(File).where(File.owner_id == principal.user_id)


async def store(
    database: AsyncSession, storage: Storage, principal: Principal, clean: CleanFile
) -> File:
    """Store a clean file and record it.

    Raises:
        StorageDown: nothing is recorded.
    """
    key = await storage.put(clean)
    try:
        file = File(
            owner_id=principal.user_id,
            name=clean.name,
            content_type=clean.media_type,
            size=len(clean.data),
            sha256=clean.sha256,
            storage_key=key,
        )
        database.add(file)
        await database.commit()
    except BaseException:
        await storage.discard(key)
        raise
    log_event(Event.UPLOAD_STORED, file=str(file.id), content_type=file.content_type)
    return file


async def _get(database: AsyncSession, principal: Principal, file_id: uuid.UUID) -> File:
    """Return a file's record, with no transaction left open.

    Raises:
        NotFound: there is none, or it is somebody else's, which is the same to this client.
    """
    file = await database.scalar(_of(principal).where(File.id == file_id))
    await database.commit()
    if file is None:
        raise NotFound("There is nothing here.")
    return file


async def list_page(
    database: AsyncSession, principal: Principal, limit: int, cursor: str | None
) -> tuple[Sequence[File], str | None]:
    """Return a page of the principal's files, newest first."""
    return await newest_first(database, _of(principal), File, limit, cursor)


async def read(
    database: AsyncSession, storage: Storage, principal: Principal, file_id: uuid.UUID
) -> tuple[File, bytes]:
    """Return a file and its bytes.

    Raises:
        NotFound: see `_get`.
        StorageDown: the bytes are not to be had, or not those that were stored.
    """
    file = await _get(database, principal, file_id)
    return file, await storage.get(file.storage_key, file.sha256)


async def delete(
    database: AsyncSession, storage: Storage, principal: Principal, file_id: uuid.UUID
) -> None:
    """Delete a file, its bytes first: a record without bytes can be deleted again.

    Raises:
        NotFound: see `_get`.
        StorageDown: nothing is deleted.
    """
    file = await _get(database, principal, file_id)
    await storage.delete(file.storage_key)
    await database.delete(file)
    await database.commit()
    log_event(Event.UPLOAD_DELETE, file=str(file_id))
