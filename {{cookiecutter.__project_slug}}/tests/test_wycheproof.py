"""The judge of tokens and keys judges: on vectors of our own in Wycheproof's form."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.tokens import RING, base64url, compact, ring_for, with_header
from tests.wycheproof import FILES, main

if TYPE_CHECKING:
    from pathlib import Path

SIGNATURES, KEYS = FILES
RSA, CURVE = RING.published[0], ring_for("ES256").published[0]
VALID = compact({"alg": "RS256", "kid": RSA["kid"]}, b"foo")
OF_THE_CURVE = compact({"alg": "ES256", "kid": CURVE["kid"]}, b"foo", algorithm="ES256")
HMAC = base64url(b'{"alg":"HS256"}') + ".Zm9v.AAAA"
SECRET = {"kty": "oct", "alg": "HS256", "use": "sig", "kid": "s", "k": "AAAA"}


def group(keys: dict[str, Any], *tests: tuple[str, str]) -> dict[str, Any]:
    """Return a group of vectors: each a token and what it is."""
    numbered = [
        {"tcId": number, "comment": "a vector", "jws": jws, "result": result}
        for number, (jws, result) in enumerate(tests, 1)
    ]
    return {"comment": "a group", "public": keys, "tests": numbered}


def folder_of(path: Path, signatures: list[dict[str, Any]], keys: list[dict[str, Any]]) -> str:
    """Write the two files; return their folder."""
    for name, groups in ((SIGNATURES, signatures), (KEYS, keys)):
        count = sum(len(one["tests"]) for one in groups)
        document = {"numberOfTests": count, "testGroups": groups}
        (path / name).write_text(json.dumps(document), "utf-8")
    return str(path)


RIGHT = (
    [
        group(RSA, (VALID, "valid"), (VALID[:-4], "invalid"), (f"{VALID}.", "invalid")),
        group(CURVE, (OF_THE_CURVE, "valid"), (OF_THE_CURVE[:-4], "invalid")),
        {"private": SECRET, "tests": group({}, (HMAC, "valid"), (HMAC, "invalid"))["tests"]},
    ],
    [
        group({"keys": [RSA, CURVE]}, (VALID, "valid"), (OF_THE_CURVE, "valid")),
        group({"keys": [RSA, RSA]}, (VALID, "invalid")),
        group({"keys": [RSA | {"use": "enc"}]}, (VALID, "invalid")),
        group({"keys": [SECRET]}, (VALID, "invalid"), (HMAC, "acceptable")),
        group({"keys": [RSA]}, (with_header(kid="other"), "invalid"), (VALID, "acceptable")),
    ],
)


def test_vectors_that_say_what_we_say_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A valid token of an algorithm that is not ours is rightly refused."""
    assert main([folder_of(tmp_path, *RIGHT)]) == 0
    assert capsys.readouterr().out == "15 of 15 vectors judged as Wycheproof does.\n"


@pytest.mark.parametrize(
    ("jws", "result"), [(VALID, "invalid"), (VALID[:-4], "valid"), (f"{VALID}=", "valid")]
)
def test_a_vector_that_says_something_else_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], jws: str, result: str
) -> None:
    signatures, keys = RIGHT
    folder = folder_of(tmp_path, [*signatures, group(RSA, (jws, result))], keys)
    assert main([folder]) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{SIGNATURES}: 1 a group: a vector: {result}",
        "15 of 16 vectors judged as Wycheproof does.",
    ]


def test_vectors_that_are_not_there_are_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == 2
    assert main([str(tmp_path)]) == 2
    assert main([folder_of(tmp_path, [], [])]) == 2
    folder = folder_of(tmp_path, *RIGHT)
    document = json.loads((tmp_path / KEYS).read_text("utf-8"))
    (tmp_path / KEYS).write_text(json.dumps(document | {"numberOfTests": 401}), "utf-8")
    assert main([folder]) == 2
    assert "says 401 and has 8" in capsys.readouterr().err
    (tmp_path / KEYS).write_text("{}", "utf-8")
    assert main([folder]) == 2
