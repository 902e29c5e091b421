"""Files that hold secrets: born private, and there whole or not at all."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

OWN_AND_GROUP = 0o660


def write_private(
    path: Path, content: bytes, *, replace: bool = False, like: os.stat_result | None = None
) -> bool:
    """Write a file that only its owner may read; return whether it was written.

    The content goes to a new file beside it (mode 0600 from its first moment, on disk before it
    gets its name), so that a crash leaves no half file and a reader sees the old or the new one.

    Args:
        path: where the file is to be.
        content: all of it.
        replace: whether a file that is already there may be replaced.
        like: gives the file this owner and group, and what they may do; others may do nothing.

    Raises:
        OSError: it can't be written, or not be given to that owner.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            if like is not None:
                os.fchown(file.fileno(), like.st_uid, like.st_gid)
                os.fchmod(file.fileno(), like.st_mode & OWN_AND_GROUP)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            draft.replace(path)
            return True
        try:
            path.hardlink_to(draft)  # unlike a rename, this never takes another file's place
        except FileExistsError:
            return False
        return True
    finally:
        draft.unlink(missing_ok=True)
