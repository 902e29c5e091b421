"""Remove the sample domains in one step: `make remove-samples`.

Takes out what `SAMPLES` lists, the lines that are marked as theirs, what the documents say of them,
and their tables in the embedded database. Layer 9 stays in its room, ready for the first endpoint
that takes files. Migrations of your own stay, and follow on the accounts' from then on.
"""

from __future__ import annotations

import re
import shutil
import sys
from importlib.util import cache_from_source
from pathlib import Path

from app.migrations.__main__ import alembic_config
from app.settings import load_settings_or_exit
from dev.sample_tables import (
    MIGRATIONS,
    VERSIONS,
    CannotRemoveError,
    chain_without_samples,
    drop_sample_tables,
)

ROOT = Path(__file__).resolve().parent.parent

SAMPLES = (
    "app/notes",
    "app/files",
    *(f"{VERSIONS}/{name}" for name in MIGRATIONS),
    "dev/smoke_samples.py",
    "tests/dev/test_remove_samples.py",
    "tests/notes",
    "tests/files",
    "tests/attacks/test_authorization_of_notes.py",
    "tests/attacks/test_authorization_of_notes_postgresql.py",
    "tests/attacks/test_uploads.py",
    "tests/attacks/test_validation_injection_of_notes.py",
)
MARK = "  # sample"
MARKED = ("app/domains.py", "app/layers/logs/events.py", "dev/run.py", "dev/smoke.py")
"""Files of which only the lines go that end with the mark."""

WORDS: dict[str, tuple[tuple[str, str], ...]] = {
    "README.md": (
        (r";\s+the quickest way to one\s+is a copy of it and of\s+.tests/notes/.", ""),
        (r",\s+`/api/v1/notes` and `/api/v1/files`\. ", ".\n"),
        (r"(?m)^`make remove-samples`(?:.+\n)+\n?", ""),
    ),
    "docs/threat-model.md": ((r" \(notes, files\)", ""),),
    "app/domains.py": (
        (
            r" Your own go here; the samples can go\.\n\n`make remove-samples`[^\"]*",
            " Your own go here.",
        ),
    ),
    "tests/attacks/test_authorization.py": ((r" Other people's objects: `…_of_notes\.py`\.", ""),),
}
"""Per file: what is said of the samples there (a pattern), and what is said without them."""

PATHS = (
    ("tests/attacks/test_uploads.py", "tests/layers/test_uploads_content.py"),
    ("tests/attacks/test_authorization_of_notes.py", "tests/attacks/test_authorization.py"),
    ("app/notes/", "app/accounts/"),
    ("tests/notes/", "tests/accounts/"),
)
"""What documents name instead of a file that goes. `docs/controls.md` loses its rows first."""


def remove_samples(root: Path) -> list[str]:
    """Remove them below `root`; return what was removed. A second run removes nothing.

    Raises:
        CannotRemoveError: a migration needs what would go. Nothing was changed.
    """
    chained = chain_without_samples(root)
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
    if removed:
        _close_the_gaps(root, chained)
    return removed


def _close_the_gaps(root: Path, chained: dict[Path, str]) -> None:
    for path, text in chained.items():
        path.write_text(text, encoding="utf-8")
        # Python knows stale bytecode by size and second: a quick change of one digit escapes it.
        Path(cache_from_source(str(path))).unlink(missing_ok=True)
    for name in MARKED:
        _rewrite(root / name, ((rf"(?m)^.*{re.escape(MARK)}\n", ""),))
    gone = "|".join(map(re.escape, SAMPLES))
    _rewrite(root / "docs/controls.md", ((rf"(?m)^\|.*(?:{gone})\b.*\n", ""),))
    for name, words in WORDS.items():
        _rewrite(root / name, words)
    for path in (root / "README.md", *sorted((root / "docs").glob("*.md"))):
        _rewrite(path, tuple((re.escape(f"`{old}"), f"`{new}") for old, new in PATHS))


def _rewrite(path: Path, words: tuple[tuple[str, str], ...]) -> None:
    if not path.is_file():
        return
    before = text = path.read_text(encoding="utf-8")
    for pattern, replacement in words:
        text = re.sub(pattern, replacement, text)
    if text != before:
        path.write_text(text, encoding="utf-8")


def main() -> int:
    """Remove the samples of this project; 1, and a line that says why, when they must stay."""
    try:
        chain_without_samples(ROOT)  # before the database is touched
        if drop_sample_tables(load_settings_or_exit().database, alembic_config()):
            print("removed their tables from the embedded database")
        removed = remove_samples(ROOT)
    except CannotRemoveError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.writelines(f"removed {name}\n" for name in removed)
    sys.stdout.write("The sample domains are gone.\n" if removed else "There are no samples.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
