"""Remove the sample domains in one step: `make remove-samples`.

Takes out `app/notes`, `app/files`, their migrations and tests, their lines in `app/domains.py`, and
the rows of `docs/controls.md` that named them. Layer 9 stays in its room, ready for the first
endpoint that takes files. Run it before the first deployment: it drops no tables.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

SAMPLES = (
    "app/notes",
    "app/files",
    "app/migrations/versions/0002_notes.py",
    "app/migrations/versions/0003_files.py",
    "dev/smoke_samples.py",
    "tests/notes",
    "tests/files",
    "tests/attacks/test_authorization_of_notes.py",
    "tests/attacks/test_uploads.py",
)
MARK = "  # sample"
MARKED = ("app/domains.py", "dev/run.py", "dev/smoke.py")
"""Files of which only the lines go that end with the mark."""


def remove_samples(root: Path) -> list[str]:
    """Remove them below `root`; return what was removed. A second run removes nothing."""
    removed = []
    for name in SAMPLES:
        path = root / name
        if path.is_dir():
            shutil.rmtree(path)
        elif path.exists():
            path.unlink()
        else:
            continue
        removed.append(name)
    for name in MARKED:
        _drop_lines(root / name, re.compile(rf"{re.escape(MARK)}$"))
    _drop_lines(
        root / "docs/controls.md",
        re.compile("|".join(rf"^\|.*{re.escape(name)}\b" for name in SAMPLES)),
    )
    return removed


def _drop_lines(path: Path, unwanted: re.Pattern[str]) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if not unwanted.search(line.rstrip("\n"))]
    path.write_text("".join(kept), encoding="utf-8")


def main() -> int:
    """Remove the samples of this project."""
    removed = remove_samples(ROOT)
    sys.stdout.writelines(f"removed {name}\n" for name in removed)
    sys.stdout.write("The sample domains are gone.\n" if removed else "There are no samples.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
