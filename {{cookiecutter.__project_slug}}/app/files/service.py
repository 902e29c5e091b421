"""What files do. Nothing here says whose they are: they are `Owned`, so the session does.

No transaction is open while the storage is waited for: a slow bucket must not hold a connection, or
the one write lock that SQLite has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from app.files.models import File
from app.layers.logs import Event, log_event
from app.pagination import newest_first

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from app.layers.uploads import CleanFile, Storage


async def store(database: AsyncSession, storage: Storage, clean: CleanFile) -> File:
    """Store a clean file and record it.

    Raises:
        StorageDown: nothing is recorded.
    """
    key = await storage.put(clean)
    try:
        file = File(
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


async def list_page(
    database: AsyncSession, limit: int, cursor: str | None
) -> tuple[Sequence[File], str | None]:
    """Return a page of the principal's files, newest first."""
    return await newest_first(database, select(File), File, limit, cursor)


async def read(database: AsyncSession, storage: Storage, file: File) -> bytes:
    """Return the bytes of a file.

    Raises:
        StorageDown: they are not to be had, or not those that were stored.
    """
    await database.commit()  # its record was read
    return await storage.get(file.storage_key, file.sha256)


async def delete(database: AsyncSession, storage: Storage, file: File) -> None:
    """Delete a file, its bytes first: a record without bytes can be deleted again.

    Raises:
        StorageDown: nothing is deleted.
    """
    await database.commit()  # its record was read
    await storage.delete(file.storage_key)
    await database.delete(file)
    await database.commit()
    log_event(Event.UPLOAD_DELETE, file=str(file.id))
