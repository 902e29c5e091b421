"""Judges our reading of tokens and keys by Wycheproof's vectors, from a folder of your own.

`python -m tests.wycheproof FOLDER`, where FOLDER holds `json_web_signature_test.json` and
`json_web_key_test.json` of C2SP's project Wycheproof (its `testvectors_v1`). They are not part of
this project; our own vectors are in tests/layers/test_authentication_*.py.

A vector is a signature over three letters and no access token, so what is asked of it is what
comes before the claims: the shape of the token and its header, the key set and the key, and the
signature. What is valid has to be believed if it is signed as one of the three algorithms of
`AUTHENTICATION__ALGORITHM`, and refused if it is signed as any other.
"""

from __future__ import annotations

import base64
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import jwt

from app.layers.authentication import InvalidTokenError
from app.layers.authentication.jose import open_header
from app.layers.authentication.jwks import read_jwks
from app.layers.authentication.keys import Algorithm

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = ("json_web_signature_test.json", "json_web_key_test.json")
ALGORITHMS: tuple[Algorithm, ...] = get_args(Algorithm)
MAX_LENGTH = 16_384
ONLY = "the only key"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a vector says, and what we say."""

    name: str
    result: str
    is_ours: bool
    """Whether it is signed as one of our algorithms."""
    is_believed: bool

    @property
    def is_right(self) -> bool:
        """Whether we say what it says; `acceptable` may be either."""
        if self.result == "acceptable":
            return True
        return self.is_believed == (self.result == "valid" and self.is_ours)


def key_set_of(group: dict[str, Any]) -> dict[str, Any]:
    """Return the published keys of a group as a set, each with a name."""
    given = group.get("public") or group["private"]
    if "keys" in given:
        return {"keys": given["keys"]}
    return {"keys": [given | {"kid": ONLY}]}


def is_believed(token: str, key_set: dict[str, Any], algorithm: Algorithm) -> bool:
    """Whether a service with this algorithm and key set would take the signature."""
    try:
        keys, _ignored = read_jwks(json.dumps(key_set).encode("utf-8"), algorithm)
        header = open_header(token, algorithm, MAX_LENGTH)
        key = keys.get(ONLY) or keys[header["kid"]]
        jwt.PyJWS().decode_complete(
            token, key.key, [algorithm], {"enforce_minimum_key_length": True}
        )
    except (InvalidTokenError, jwt.PyJWTError, KeyError, TypeError):
        return False
    return True


def names_an_algorithm_of_ours(token: str) -> bool:
    """Whether a reader that minds nothing else finds one of our algorithms in the header."""
    try:
        header = json.loads(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))
    except ValueError:
        return False
    return isinstance(header, dict) and header.get("alg") in ALGORITHMS


def verdicts(document: dict[str, Any]) -> Iterator[Verdict]:
    """Judge each vector of a file."""
    for group in document["testGroups"]:
        key_set = key_set_of(group)
        for test in group["tests"]:
            yield Verdict(
                f"{test['tcId']} {group.get('comment', '')}: {test['comment']}",
                test["result"],
                names_an_algorithm_of_ours(test["jws"]),
                any(is_believed(test["jws"], key_set, one) for one in ALGORITHMS),
            )


def judge(folder: Path) -> tuple[list[str], int]:
    """Return a line for each vector that we judge otherwise, and how many there were.

    Raises:
        OSError: a file is not there.
        ValueError: it is no file of vectors, or has other numbers than it says.
    """
    wrong, count = [], 0
    for name in FILES:
        document = json.loads((folder / name).read_text("utf-8"))
        found = list(verdicts(document))
        if len(found) != document["numberOfTests"] or not found:
            raise ValueError(f"{name} says {document['numberOfTests']} and has {len(found)}")
        wrong += [f"{name}: {one.name}: {one.result}" for one in found if not one.is_right]
        count += len(found)
    return wrong, count


def main(arguments: list[str]) -> int:
    """Print what is judged otherwise; 1 if there is anything."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m tests.wycheproof FOLDER\n")
        return 2
    try:
        wrong, count = judge(Path(arguments[0]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"{arguments[0]}: {type(error).__name__}: {error}\n")
        return 2
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    sys.stdout.write(f"{count - len(wrong)} of {count} vectors judged as Wycheproof does.\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
