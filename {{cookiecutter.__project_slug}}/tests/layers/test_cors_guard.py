"""Layer 3: what the guard makes of a request, and of a preflight."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.layers.cors import Verdict, judge, may_send
from tests.layers.origins import NEAR, PAGE

OWN = b"https://api.example"
ALLOWED = frozenset({PAGE.encode()})


@pytest.mark.parametrize(
    ("origins", "method", "sites", "verdict"),
    [
        ([], "GET", [], Verdict.NOT_CROSS_ORIGIN),
        ([], "POST", [], Verdict.NOT_CROSS_ORIGIN),
        ([], "POST", [b"same-origin"], Verdict.NOT_CROSS_ORIGIN),
        ([], "POST", [b"none"], Verdict.NOT_CROSS_ORIGIN),
        ([], "GET", [b"cross-site"], Verdict.NOT_CROSS_ORIGIN),
        ([], "POST", [b"cross-site"], Verdict.REFUSED),
        ([], "POST", [b"same-site"], Verdict.REFUSED),
        ([], "DELETE", [b"same-origin", b"same-origin"], Verdict.REFUSED),
        ([], "PUT", [b"same-origin", b"cross-site"], Verdict.REFUSED),
        ([], "POST", [b"Same-Origin"], Verdict.REFUSED),
        ([], "POST", [b""], Verdict.REFUSED),
        ([], "POST", [b"same-origin, none"], Verdict.REFUSED),
        ([], "PURGE", [b"cross-site"], Verdict.REFUSED),
        ([OWN], "POST", [b"same-origin"], Verdict.NOT_CROSS_ORIGIN),
        ([PAGE.encode()], "POST", [b"cross-site"], Verdict.ALLOWED),
        ([PAGE.encode()], "POST", [b"same-site"], Verdict.ALLOWED),
        ([b"https://evil.example"], "GET", [], Verdict.REFUSED),
        ([b"https://app.example.evil"], "GET", [], Verdict.REFUSED),
        ([b"https://appXexample"], "GET", [], Verdict.REFUSED),
        ([b"http://app.example"], "GET", [], Verdict.REFUSED),
        ([b"https://app.example:8443"], "GET", [], Verdict.REFUSED),
        ([b"https://app.example:443"], "GET", [], Verdict.REFUSED),
        ([b"https://app.example."], "GET", [], Verdict.REFUSED),
        ([b"https://APP.example"], "GET", [], Verdict.REFUSED),
        ([b"null"], "GET", [], Verdict.REFUSED),
        ([b""], "GET", [], Verdict.REFUSED),
        ([PAGE.encode(), b"https://evil.example"], "GET", [], Verdict.REFUSED),
        ([PAGE.encode(), PAGE.encode()], "GET", [], Verdict.REFUSED),
    ],
)
def test_the_guard_decides(
    origins: list[bytes], method: str, sites: list[bytes], verdict: Verdict
) -> None:
    assert judge(origins, OWN, ALLOWED, method, sites) is verdict


@given(origin=st.one_of(NEAR, st.text(max_size=30), st.just(PAGE.upper()), st.just(PAGE[:-1])))
@example(origin=PAGE + "/")
@example(origin=PAGE + ":443")
def test_no_origin_that_differs_in_anything_from_an_allowed_one_is_allowed(origin: str) -> None:
    sent = origin.encode("utf-8", "surrogatepass")
    verdict = judge([sent], OWN, ALLOWED, "GET", [])
    expected = {PAGE.encode(): Verdict.ALLOWED, OWN: Verdict.NOT_CROSS_ORIGIN}
    assert verdict is expected.get(sent, Verdict.REFUSED)


@pytest.mark.parametrize(
    ("methods", "names", "granted"),
    [
        ([b"POST"], [], True),
        ([b"DELETE"], [b"authorization"], True),
        ([b"PUT"], [b"authorization, Content-Type"], True),
        ([b"PUT"], [b"authorization", b"content-type"], True),
        ([b"PUT"], [b""], True),
        ([b"TRACE"], [], False),
        ([b"post"], [], False),
        ([b"GET, POST"], [], False),
        ([b"\xff"], [], False),
        ([b"POST", b"POST"], [], False),
        ([b"POST"], [b"x-forwarded-for"], False),
        ([b"POST"], [b"authorization, cookie"], False),
        ([b"POST"], [b"authorization", b"x-original-url"], False),
        ([b"POST"], [b"*"], False),
    ],
)
def test_a_preflight_is_granted_for_what_we_take_and_for_nothing_else(
    methods: list[bytes], names: list[bytes], *, granted: bool
) -> None:
    assert may_send(methods, names) is granted
