"""What a development machine keeps to itself: folders that only their owner may enter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.private_files import write_private

if TYPE_CHECKING:
    from pathlib import Path


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner may enter, its parents included; return it."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    path.chmod(0o700)  # it may have been there before
    return path


__all__ = ["private_folder", "write_private"]
