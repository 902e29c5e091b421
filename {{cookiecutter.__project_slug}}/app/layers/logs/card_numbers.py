"""Payment card numbers inside text. Pure.

A number counts as a card's when it has 13 to 19 digits, a prefix that card networks use and a
right check digit (Luhn): one random 16-digit number in about thirty passes all three, and is lost.
"""

from __future__ import annotations

import re

_RUN = re.compile(r"\d(?:[ -]?\d){12,}")
_DIGITS = re.compile(r"\d+")
# Identifiers are made of digits too: a UUID, a trace id or a digest is left as it is.
_IDENTIFIER_OR_RUN = re.compile(
    r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}|[0-9A-Fa-f]{32,64})"
    r"(?![0-9A-Za-z])"
    r"|(?P<run>\d(?:[ -]?\d){12,})"
)
_SHORTEST, _LONGEST = 13, 19  # ISO/IEC 7812, as the networks use it
_MASTERCARD_2 = range(2221, 2721)


def is_card_number(number: int) -> bool:
    """Return whether an integer can be a card number."""
    return 10 ** (_SHORTEST - 1) <= number < 10**_LONGEST and _is_card(str(number))


def redact_card_numbers(text: str, mark: str) -> str:
    """Return the text with each card number replaced; its groups may be parted by space or `-`."""
    if _RUN.search(text) is None:
        return text
    return _IDENTIFIER_OR_RUN.sub(
        lambda match: match[0] if match["run"] is None else _redact_run(match["run"], mark), text
    )


def _redact_run(run: str, mark: str) -> str:
    """Replace the cards among the groups of a run such as `2026 4111 1111 1111 1111`."""
    groups = list(_DIGITS.finditer(run))
    pieces, written, index = [], 0, 0
    while index < len(groups):
        last = _last_group_of_card(groups, index)
        if last is None:
            index += 1
            continue
        pieces += [run[written : groups[index].start()], mark]
        written, index = groups[last].end(), last + 1
    return "".join((*pieces, run[written:]))


def _last_group_of_card(groups: list[re.Match[str]], first: int) -> int | None:
    digits = ""
    for index in range(first, len(groups)):
        digits += groups[index][0]
        if len(digits) > _LONGEST:
            return None
        if len(digits) >= _SHORTEST and _is_card(digits):
            return index
    return None


def _is_card(digits: str) -> bool:
    values = [int(digit) for digit in digits]
    prefix = values[0] * 1000 + values[1] * 100 + values[2] * 10 + values[3]
    if values[0] not in {3, 4, 5, 6} and prefix not in _MASTERCARD_2:
        return False
    doubled = (value * 2 for value in values[-2::-2])
    return (sum(values[-1::-2]) + sum(value - 9 * (value > 9) for value in doubled)) % 10 == 0  # noqa: PLR2004
