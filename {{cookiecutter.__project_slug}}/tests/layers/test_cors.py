"""Layer 3: which origins there are, what the guard makes of a request, what the answers say."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.middleware import Middleware
from starlette.responses import Response

from app.layers.cors import (
    CorsMiddleware,
    CorsSettings,
    Verdict,
    checked_origin,
    judge,
    marked,
    may_send,
)
from app.layers.rate_limits.outcomes import RateLimited
from tests.layers.small_app import client_of, logged_by, small_app

if TYPE_CHECKING:
    import httpx
    from fastapi import FastAPI

OWN = b"https://api.example"
PAGE = "https://app.example"
ALLOWED = frozenset({PAGE.encode()})


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://app.example", "https://app.example"),
        ("https://app.example:8443", "https://app.example:8443"),
        ("https://app.example:443", "https://app.example"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://localhost:443", "http://localhost:443"),
        ("https://APP.example", "https://app.example"),
        ("HTTPS://app.example", "https://app.example"),
        ("https://xn--pp-wia.example", "https://xn--pp-wia.example"),
        ("https://[::1]:8443", "https://[::1]:8443"),
        ("https://[2001:DB8:0:0:0:0:0:1]", "https://[2001:db8::1]"),
        ("https://192.0.2.1:8443", "https://192.0.2.1:8443"),
    ],
)
def test_an_origin_is_kept_as_browsers_write_it(written: str, origin: str) -> None:
    assert checked_origin(written) == origin
    assert checked_origin(origin) == origin


@pytest.mark.parametrize(
    "written",
    [
        "*",
        "null",
        "https://*",
        "https://*.example",
        "https://app.example/",
        "https://app.example/path",
        "https://app.example?x",
        "https://app.example#",
        "https://app.example\\x",
        "https://user@app.example",
        "https://user:word@app.example",
        "https://app.example:443@evil.example",
        "app.example",
        "//app.example",
        "https:app.example",
        "https:///app.example",
        "ftp://app.example",
        "wss://app.example",
        "https://",
        "https://app.example.",
        "https://.app.example",
        "https://app..example",
        "https://-app.example",
        "https://app_1.example",
        f"https://{'a' * 64}.example",
        "https://app.example:",
        "https://app.example:0",
        "https://app.example:0443",
        "https://app.example:+443",
        "https://app.example:99999",
        "https://app.example:4\u0664\u0663",
        "https://\u00e4pp.example",
        "https://app\u3002example",
        "https://app.examp\u212ae",
        "https://app.example evil",
        "https://app.example\n",
        "\thttps://app.example",
        "https://app.%65xample",
        "https://127.1",
        "https://2130706433",
        "https://0x7f000001",
        "https://192.0.2.01",
        "https://[::1",
        "https://[1::2::3]",
        "https://[fe80::1%25eth0]",
        "file:///etc/passwd",
    ],
    ids=ascii,
)
def test_what_is_no_origin_or_no_browsers_spelling_of_one_is_refused_at_the_start(
    written: str,
) -> None:
    with pytest.raises(ValidationError):
        CorsSettings(allowed_origins=(written,))


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


NEAR = st.builds(
    lambda left, cut, middle, right: left + PAGE[:cut] + middle + PAGE[cut:] + right,
    st.text(string.printable, max_size=3),
    st.integers(0, len(PAGE)),
    st.text(string.printable, max_size=2),
    st.text(string.printable, max_size=3),
)


@given(origin=st.one_of(NEAR, st.text(max_size=30), st.just(PAGE.upper()), st.just(PAGE[:-1])))
@example(origin=PAGE + "/")
@example(origin=PAGE + ":443")
def test_no_origin_that_differs_in_anything_from_an_allowed_one_is_allowed(origin: str) -> None:
    sent = origin.encode("utf-8", "surrogatepass")
    verdict = judge([sent], OWN, ALLOWED, "GET", [])
    expected = {PAGE.encode(): Verdict.ALLOWED, OWN: Verdict.NOT_CROSS_ORIGIN}
    assert verdict is expected.get(sent, Verdict.REFUSED)


@given(text=st.one_of(st.text(max_size=30), NEAR))
def test_whatever_is_accepted_as_an_origin_is_in_its_one_spelling_ever_after(text: str) -> None:
    try:
        origin = checked_origin(text)
    except ValueError:
        return
    assert checked_origin(origin) == origin
    assert origin.isascii()
    assert origin == origin.lower()
    assert set(origin[8:]) <= set(string.ascii_lowercase + string.digits + ".-:[]/")


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


# --- what answers say -----------------------------------------------------------------------------

GRANT = [(b"access-control-allow-origin", PAGE.encode())]
NAMES = st.sampled_from(
    [
        b"content-type",
        b"vary",
        b"Vary",
        b"access-control-allow-origin",
        b"Access-Control-Allow-Credentials",
        b"access-control-allow-private-network",
        b"access-control-expose-headers",
    ]
)


@given(fields=st.lists(st.tuples(NAMES, st.sampled_from([b"*", b"true", b"origin, Accept", b","]))))
def test_whatever_a_route_says_only_this_layer_grants_and_vary_stands_once(
    fields: list[tuple[bytes, bytes]],
) -> None:
    for grant in ([], GRANT):
        answer = marked(fields, grant)
        said = [field for field in answer if field[0].lower().startswith(b"access-control-")]
        assert said == grant
        varies = [value for name, value in answer if name.lower() == b"vary"]
        assert len(varies) == 1
        names = varies[0].lower().split(b", ")
        assert names[0] == b"origin"
        assert len(names) == len(set(names))
        assert [f for f in answer if f[0] == b"content-type"] == [
            f for f in fields if f[0] == b"content-type"
        ]


def test_a_routes_own_vary_is_kept() -> None:
    answer = marked([(b"vary", b"Accept"), (b"vary", b"ORIGIN, Accept-Language")], [])
    assert answer == [(b"vary", b"Origin, Accept, Accept-Language")]


PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}


def _service(calls: list[str] | None = None) -> FastAPI:
    app = small_app()
    settings = CorsSettings(allowed_origins=(PAGE,))
    app.user_middleware.insert(1, Middleware(CorsMiddleware, settings=settings))

    @app.api_route("/thing", methods=["GET", "POST"])
    async def thing() -> Response:
        if calls is not None:
            calls.append("called")
        return Response("ok", headers={"Access-Control-Allow-Origin": "*", "Vary": "Accept"})

    @app.get("/crash")
    async def crash() -> None:
        raise ZeroDivisionError

    @app.get("/limited")
    async def limited() -> None:
        raise RateLimited("Slowly.", headers={"Retry-After": "1"})

    return app


async def _ask(
    method: str, path: str, headers: dict[str, str] | None = None, calls: list[str] | None = None
) -> httpx.Response:
    async with client_of(_service(calls)) as client:
        return await client.request(method, path, headers=headers)


def _grants(answer: httpx.Response) -> list[str]:
    return [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.anyio
async def test_a_refused_request_runs_no_handler_and_is_logged_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[str] = []
    logged = logged_by("app.layers.cors", monkeypatch)
    answer = await _ask("POST", "/thing", {"Origin": "https://evil.example"}, calls)
    assert answer.status_code == 403
    assert not calls
    assert not _grants(answer)
    assert answer.headers.get_list("vary") == ["Origin"]
    assert "evil" not in answer.text
    assert logged == [{"event": "origin_refused", "reason": "origin"}]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "status"), [("/thing", 200), ("/nowhere", 404), ("/limited", 429), ("/crash", 500)]
)
async def test_an_allowed_page_reads_every_kind_of_answer_and_no_other_page_does(
    path: str, status: int
) -> None:
    answer = await _ask("GET", path, {"Origin": PAGE})
    assert answer.status_code == status
    assert answer.headers.get_list("access-control-allow-origin") == [PAGE]
    assert "Retry-After" in answer.headers["access-control-expose-headers"]
    without = await _ask("GET", path)
    assert without.status_code == status
    assert not _grants(without)
    assert [one.headers.get_list("vary")[0].split(", ")[0] for one in (answer, without)] == [
        "Origin",
        "Origin",
    ]
    foreign = await _ask("GET", path, {"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert not _grants(foreign)


@pytest.mark.anyio
async def test_our_own_page_is_served_and_granted_nothing() -> None:
    calls: list[str] = []
    answer = await _ask("POST", "/thing", {"Origin": OWN.decode()}, calls)
    assert answer.status_code == 200
    assert calls == ["called"]
    assert not _grants(answer)


@pytest.mark.anyio
async def test_a_preflight_says_what_may_be_sent_and_runs_nothing() -> None:
    calls: list[str] = []
    answer = await _ask("OPTIONS", "/thing", PREFLIGHT, calls)
    assert answer.status_code == 204
    assert not calls
    assert answer.headers.get_list("access-control-allow-origin") == [PAGE]
    assert answer.headers["access-control-max-age"] == "600"
    assert answer.headers.get_list("vary") == [
        "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    ]


@pytest.mark.anyio
async def test_a_preflight_never_opens_a_private_network_or_allows_credentials() -> None:
    asked = PREFLIGHT | {"Access-Control-Request-Private-Network": "true"}
    answer = await _ask("OPTIONS", "/thing", asked)
    assert answer.status_code == 204
    assert set(_grants(answer)) == {
        "access-control-allow-origin",
        "access-control-allow-methods",
        "access-control-allow-headers",
        "access-control-max-age",
    }


@pytest.mark.anyio
async def test_a_preflight_for_what_we_do_not_take_is_refused_without_a_grant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logged = logged_by("app.layers.cors", monkeypatch)
    asked = PREFLIGHT | {"Access-Control-Request-Method": "TRACE"}
    answer = await _ask("OPTIONS", "/thing", asked)
    assert answer.status_code == 403
    assert not _grants(answer)
    assert answer.headers.get_list("vary") == [
        "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    ]
    assert logged == [{"event": "origin_refused", "reason": "preflight"}]


@pytest.mark.anyio
async def test_options_that_is_no_preflight_is_a_request_like_any_other() -> None:
    answer = await _ask("OPTIONS", "/thing", {"Origin": PAGE})
    assert answer.status_code == 405
    assert answer.headers.get_list("access-control-allow-origin") == [PAGE]
