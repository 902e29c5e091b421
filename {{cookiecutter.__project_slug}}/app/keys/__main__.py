"""What only an operator may do with the keys that sign access tokens: make, replace and show them.

`python -m app.keys new FILE`, `python -m app.keys rotate FILE`, `python -m app.keys show FILE`
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from app.keys import service
from app.layers.authentication.keys import Algorithm, WeakKeyError
from app.private_files import write_private

if TYPE_CHECKING:
    from collections.abc import Sequence

OVERLAP = 3_600
MIN_OVERLAP = 600
"""Twice as long as others may keep our jwks.json (`Relaxation.CACHED`, 300 s)."""
MAX_OVERLAP = 30 * 86_400


def _new(path: Path, given: argparse.Namespace) -> str:
    if given.replace and path.is_symlink():
        path = path.resolve(strict=True)  # the key that leaked is where the link leads
    text = service.new_text(given.algorithm).encode("ascii")
    like = path.stat() if given.replace and path.exists() else None
    if not write_private(path, text, replace=given.replace, like=like):
        raise FileExistsError(f"{path} is there already; rotate it, or --replace it")
    (line,) = service.description(service.read_keys(text.decode("ascii")), time.time())
    return f"{line}\n"


def _rotate(path: Path, given: argparse.Namespace) -> str:
    path = path.resolve(strict=True)  # a link stays a link
    text, key = service.rotated(path.read_text("ascii"), time.time(), given.overlap)
    write_private(path, text.encode("ascii"), replace=True, like=path.stat())
    return (
        f"{key.kid} signs from {service.moment_text(key.signs_from)}.\n"
        "Before then, give every process the file and restart it, or reload it (SIGHUP).\n"
    )


def _show(path: Path, given: argparse.Namespace) -> str:
    del given
    lines = service.description(service.read_keys(path.read_text("ascii")), time.time())
    return "".join(f"{line}\n" for line in lines)


def _seconds(text: str) -> int:
    seconds = int(text)
    if not MIN_OVERLAP <= seconds <= MAX_OVERLAP:
        raise argparse.ArgumentTypeError(f"from {MIN_OVERLAP} to {MAX_OVERLAP} seconds")
    return seconds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m app.keys", description=__doc__.partition("\n")[0]
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    new = commands.add_parser("new", help="make a file with one key")
    new.add_argument(
        "--algorithm",
        choices=get_args(Algorithm),
        default="RS256",
        help="what AUTHENTICATION__ALGORITHM says (RS256 and PS256 take the same keys)",
    )
    new.add_argument(
        "--replace",
        action="store_true",
        help="the key that is there has leaked: every access token by it ends at once",
    )
    new.set_defaults(run=_new)
    rotate = commands.add_parser("rotate", help="put a key beside it that signs later")
    rotate.add_argument(
        "--in",
        dest="overlap",
        metavar="SECONDS",
        type=_seconds,
        default=OVERLAP,
        help="until it signs (an hour): every process has to have the file by then",
    )
    rotate.set_defaults(run=_rotate)
    show = commands.add_parser("show", help="say which keys there are, never what they are")
    show.set_defaults(run=_show)
    for command in (new, rotate, show):
        command.add_argument("file", metavar="FILE", type=Path)
    return parser


def main(arguments: Sequence[str]) -> int:
    """Run one command; 1 when it can't be done, and stderr says why."""
    given = _parser().parse_args(arguments)
    try:
        sys.stdout.write(given.run(given.file, given))
    except (OSError, UnicodeDecodeError, WeakKeyError, service.RotationUnderWayError) as error:
        reason = "it is no text" if isinstance(error, UnicodeDecodeError) else error
        sys.stderr.write(f"{given.file}: {reason}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
