"""Make the list of passwords that nobody may choose: `python -m dev.common_passwords`.

None of it is copied. It is what people make of a policy that wants ten characters, an upper-case
letter and a digit: a word that they like, a capital in front, a number behind, a `!` where the
length is short of ten. What they vary beside that (`@` for `a`, another sign at the end) is left to
the look-up. The words stand in the order in which they matter; the list ends at 10,000.
"""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING

from app.layers.validation.common_passwords import LIST, spellings

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 10_000
SHORTEST = 10
PADDING = 2
"""So many `!` at most: nobody types a third one to please a policy."""

WORDS = """
password passwort passw pass admin administrator welcome willkommen bienvenue letmein login secret
geheim changeme default temporary test testing tester user guest root master access hello
hallo iloveyou iloveu loveyou sunshine princess dragon monkey football baseball basketball soccer
superman batman starwars pokemon whatever trustno freedom shadow killer hunter ranger mustang
ferrari mercedes porsche corvette harley yankees liverpool arsenal chelsea barcelona juventus
january february march april june july august september october november december
monday tuesday wednesday thursday friday saturday sunday
spring summer autumn winter fall sommer fruehling herbst
london berlin paris madrid newyork chicago boston dallas america england germany france
canada australia india mexico brazil
company office server database computer internet google facebook microsoft windows apple samsung
android iphone linkedin twitter amazon netflix oracle cisco docker kubernetes python
michael michelle jessica jennifer ashley daniel matthew joshua andrew anthony thomas robert jordan
nicole amanda charlie george william richard taylor samantha patrick alexander benjamin
christian stephanie victoria elizabeth nathan hannah sophie isabella oliver lucas martin
flower butterfly cookie chocolate cheese banana orange purple yellow silver golden diamond
angel heaven jesus blessed family forever friends happy lovely sweet music guitar
""".split()  # noqa: SIM905 - a page of quotes otherwise
WALKS = """
qwerty qwertz azerty qwert qwertyuiop qwertzuiop azertyuiop asdf asdfg asdfgh asdfghjkl zxcvbn
zxcvbnm zxcv qazwsx qazwsxedc abcd abcde abcdef abcdefgh abcdefghij abc aaa xyz
1q2w3e 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx 1qaz2wsx3edc 1qazxsw2 zaq12wsx zaq1xsw2 q1w2e3r4
q1w2e3r4t5 qwer1234 asdf1234 abcd1234 abc123 aa123456 a1b2c3 a1b2c3d4 a1b2c3d4e5 1a2b3c4d 1a2b3c4d5e
""".split()  # noqa: SIM905 - the same
RUNS = ("12", "123", "1234", "12345", "123456", "1234567", "12345678", "123456789", "1234567890")
NUMBERS = (
    *("1", "01", "2", "3", "7", "10", "11", "13", "21", "22", "23", "69", "77", "88", "99", "00"),
    *RUNS,
    *("007", "100", "101", "111", "222", "321", "333", "420", "555", "666", "777", "888", "999"),
    *("000", "1111", "4321", "54321", "654321", "0000", "1212", "1313", "6969", "1122", "11223"),
    *("112233", "121212", "123123", "123321", "987654", "87654321", "987654321", "0123456789"),
)
YEARS = tuple(str(year) for year in range(1980, 2036))


def _typed(text: str) -> str | None:
    """Return what somebody types to get this past the policy, or None if nobody does."""
    first = next((place for place, sign in enumerate(text) if sign.isalpha()), None)
    if first is None or not any(map(str.isdigit, text)):
        return None
    typed = text[:first] + text[first].upper() + text[first + 1 :]
    missing = max(0, SHORTEST - len(typed))
    return None if missing > PADDING else typed + "!" * missing


def _made() -> Iterator[str]:
    """Yield what people make of words and walks, the most usual first."""
    for walk in WALKS:
        yield from (walk, walk * 2, walk + walk[::-1])
        yield from (walk + number for number in NUMBERS)
    usual = (*RUNS[:6], "1", "01", *(str(year) for year in range(2015, 2031)))
    for endings in (usual, YEARS, NUMBERS):
        for word in WORDS:
            yield from (word + ending for ending in endings)
            yield from (ending + word for ending in endings if ending in RUNS)
    for word in WORDS:
        yield from (f"{word}{word}{ending}" for ending in ("1", "12", "123"))


def make_list() -> list[str]:
    """Return the passwords that the rules give, each spelling once."""

    def fitting() -> Iterator[str]:
        seen: set[str] = set()
        for typed in filter(None, map(_typed, _made())):
            forms = spellings(typed)
            if seen.isdisjoint(forms):
                yield typed
            seen |= forms

    return sorted(islice(fitting(), MOST))


def main() -> int:
    """Write the list."""
    made = make_list()
    LIST.write_text("".join(f"{line}\n" for line in made), encoding="utf-8")
    sys.stdout.write(f"{len(made)} passwords in {LIST.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
