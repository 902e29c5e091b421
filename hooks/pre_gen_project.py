"""Refuses answers that no project can be built from, before any file is written.

Cookiecutter renders this file with Jinja and runs the result. The only Jinja is in the last line:
the answers as one JSON text. `tojson` escapes everything that could end the string it stands in
(see docs/adr/0003), so this file is valid Python before rendering and after it, whatever was
answered.
"""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

TEMPLATE_MARKS = tuple("{" + second for second in "%#{")
"""What Jinja reads as its own. Spelt so that this file holds none of them."""

JOINERS = "\u200c\u200d"
"""Zero-width characters that words need: Persian, Indic scripts, emoji of several parts."""


def is_hidden(character: str) -> bool:
    """Say whether a reader can't see what this character does: controls, bidi marks, line ends."""
    category = unicodedata.category(character)
    return category in {"Cc", "Cs", "Zl", "Zp"} or (category == "Cf" and character not in JOINERS)


def is_text(value: str, limit: int) -> bool:
    """Say whether this is one line of readable text, of at most `limit` characters."""
    return (
        0 < len(value) <= limit
        and value == value.strip()
        and not any(map(is_hidden, value))
        and not any(mark in value for mark in TEMPLATE_MARKS)
    )


def is_domain(value: str) -> bool:
    """Say whether this is a domain name in its canonical form (RFC 1035 lengths, RFC 1123 labels).

    The last label must not be a number: such a name is read as an IP address (RFC 3696, section 2).
    """
    labels = value.split(".")
    return (
        len(value) <= 253  # noqa: PLR2004  RFC 1035, section 2.3.4
        and len(labels) > 1
        and all(re.fullmatch("[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", label) for label in labels)
        and re.fullmatch("[a-z][a-z0-9-]+", labels[-1]) is not None
    )


def is_email(value: str) -> bool:
    """Say whether this is an address as people write them: no quoted local part, no IP literal."""
    local, _, domain = value.rpartition("@")
    return (
        len(local) <= 64  # noqa: PLR2004  RFC 5321, section 4.5.3.1.1
        and re.fullmatch(r"[A-Za-z0-9_+'-]+(?:\.[A-Za-z0-9_+'-]+)*", local) is not None
        and is_domain(domain.lower())
    )


class Question(NamedTuple):
    """One prompted question: what is allowed, as a test and in words."""

    field: str
    accepts: Callable[[str], bool]
    allowed: str


TEXT = "on one line, without invisible characters, outer spaces or a brace followed by {, % or #"
QUESTIONS = (
    Question("project_name", lambda value: is_text(value, 80), f"1 to 80 characters {TEXT}"),
    Question("description", lambda value: is_text(value, 300), f"1 to 300 characters {TEXT}"),
    Question(
        "author_email",
        is_email,
        "one address like team@example.com; before the @ letters, digits and . _ + ' -",
    ),
    Question(
        "api_domain",
        is_domain,
        "a domain like api.example.com: lower-case letters, digits and hyphens in at least two "
        "parts; no scheme, port or path, international names in their xn-- form",
    ),
)


def shown(value: object) -> str:
    """Return a value as it may be printed: quoted, cut to 60 characters, hidden ones escaped."""
    if not isinstance(value, str):
        return f"{json.dumps(value)[:60]} (not text)"
    escaped = []
    for character in value[:60]:
        code = ord(character)
        if character in '\\"':
            escaped.append("\\" + character)
        elif not is_hidden(character):
            escaped.append(character)
        elif code <= 0xFF:  # noqa: PLR2004  what two hexadecimal digits hold
            escaped.append(f"\\x{code:02x}")
        else:
            escaped.append(f"\\u{code:04x}")
    return '"' + "".join(escaped) + ('"' if len(value) <= 60 else '…"')  # noqa: PLR2004


def problem(field: str, value: object, allowed: str) -> str:
    """Return the one line that a refused answer gets."""
    return f"{field}: {shown(value)} is refused; allowed: {allowed}"


def check_question(question: Question, answer: object, given: object) -> str | None:
    """Return the problem with one answer, if there is one.

    `given` is the answer before Cookiecutter rendered it. It renders answers from the command line
    or an API, so a template in one has run by now; all that is left is to refuse its result.
    """
    field, accepts, allowed = question
    if isinstance(given, str) and any(mark in given for mark in TEMPLATE_MARKS):
        return problem(field, given, allowed)
    if not isinstance(answer, str) or not accepts(answer):
        return problem(field, answer, allowed)
    return None


def check_slug(answers: dict[str, Any]) -> str | None:
    """Return the problem with the folder's name, if there is one; it is also the package's."""
    slug = answers["__project_slug"]
    if not answers["__plain_slug"]:
        allowed = "a name with at least one letter or digit, since the folder's name is made of it"
        return problem("project_name", answers["project_name"], allowed)
    if (
        not isinstance(slug, str)
        or len(slug) > 63  # noqa: PLR2004  a DNS label, where containers get their names
        or re.fullmatch("[a-z][a-z0-9]*(?:-[a-z0-9]+)*", slug) is None
        or slug in answers["_reserved_slugs"]
    ):
        allowed = (
            "up to 63 of a-z, 0-9 and single hyphens, starting with a letter, no reserved name"
        )
        return problem("__project_slug", slug, allowed)
    return None


def problems(answers: dict[str, Any], given: dict[str, Any]) -> list[str]:
    """Return a line for each answer that is refused."""
    found = [
        check_question(question, answers[question.field], given.get(question.field))
        for question in QUESTIONS
    ]
    if not any(found):
        found.append(check_slug(answers))
    return [line for line in found if line]


def main(context: str) -> int:
    """Check the answers in this JSON text; return the exit status."""
    answers, given = json.loads(context)
    found = problems(answers, given)
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    # `_cookiecutter` holds the answers as given. Cruft, which has no such thing, gives none.
    sys.exit(main(r'{{ [cookiecutter, _cookiecutter | default({})] | tojson }}'))  # fmt: skip  # noqa: Q000
