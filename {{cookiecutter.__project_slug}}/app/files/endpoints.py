"""`/api/v1/files`."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from app.database import DatabaseSession
from app.docs.problems import refuses
from app.errors import Conflict
from app.files import service
from app.files.access import FileToDelete, FileToRead, Reader, Writer
from app.files.schemas import FileOut
from app.layers.rate_limits import limiter, setting
from app.layers.uploads import (
    BINARY,
    FORM_OF_ONE_FILE,
    REFUSALS,
    IncomingUpload,
    Storage,
    StorageDown,
    Uploads,
    content_disposition,
)
from app.layers.validation import Router
from app.pagination import Cursor, Page, PageSize

router = Router(prefix="/api/v1/files", tags=["files"])
PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {f"image/{kind}": {"schema": BINARY} for kind in ("jpeg", "png", "webp")}}
}


def _storage(request: Request) -> Storage:
    uploads: Uploads = request.app.state.uploads
    return uploads.storage


@router.post("", status_code=201, openapi_extra=FORM_OF_ONE_FILE, responses=refuses(*REFUSALS))
@limiter.limit(setting("uploads"))
async def upload_file(
    request: Request, database: DatabaseSession, access: Writer, upload: IncomingUpload
) -> FileOut:
    """Upload an image, as the part `file` of a form."""
    del access
    async with upload.receive() as clean:
        return FileOut.model_validate(await service.store(database, _storage(request), clean))


@router.get("")
async def list_files(
    database: DatabaseSession, access: Reader, limit: PageSize = 20, cursor: Cursor = None
) -> Page[FileOut]:
    """Return my files, newest first."""
    del access
    files, following = await service.list_page(database, limit, cursor)
    return Page(items=[FileOut.model_validate(file) for file in files], next_cursor=following)


@router.get("/{file_id}", response_class=Response, responses=PICTURE | refuses(StorageDown))
async def download_file(request: Request, database: DatabaseSession, file: FileToRead) -> Response:
    """Download one file of mine."""
    return Response(
        await service.read(database, _storage(request), file),
        media_type=file.content_type,
        headers={"Content-Disposition": content_disposition(file.name)},
    )


@router.delete("/{file_id}", status_code=204, responses=refuses(StorageDown, Conflict))
async def delete_file(request: Request, database: DatabaseSession, file: FileToDelete) -> None:
    """Delete one file of mine."""
    await service.delete(database, _storage(request), file)
