"""Who may do what with files."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from app.files.models import File
from app.layers.authorization import Authenticated, Owner, Principal

READ, WRITE = "files:read", "files:write"

Reader = Annotated[Principal, Depends(Authenticated(scope=READ))]
"""Access type: a user who may read files."""

Writer = Annotated[Principal, Depends(Authenticated(scope=WRITE))]
"""Access type: a user who may store and delete files."""

FileToRead = Annotated[File, Depends(Owner(File, "file_id", scope=READ))]
"""Access type: the owner of the file in the path; its record is what the endpoint gets."""

FileToDelete = Annotated[File, Depends(Owner(File, "file_id", scope=WRITE))]
"""Access type: the same, to delete it."""
