"""Layer 3: what its answers say, and what runs behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.middleware import Middleware
from starlette.responses import Response

from app.layers.cors import CorsMiddleware, CorsSettings, with_cors_headers
from app.layers.logs.redaction import MAX_PRINTABLE
from app.layers.rate_limits.outcomes import RateLimited
from tests.layers.origins import PAGE
from tests.layers.small_app import client_of, logged_by, small_app

if TYPE_CHECKING:
    import httpx
    from fastapi import FastAPI

OWN = "https://api.example"
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
        answer = with_cors_headers(fields, grant)
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
    given = [(b"vary", b"Accept"), (b"vary", b"ORIGIN, Accept-Language")]
    answer = with_cors_headers(given, [])
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
    assert logged == [
        {"event": "origin_refused", "reason": "origin", "origin": "https://evil.example"}
    ]


@pytest.mark.anyio
async def test_a_write_that_a_foreign_site_caused_is_logged_with_what_its_browser_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logged = logged_by("app.layers.cors", monkeypatch)
    answer = await _ask("POST", "/thing", {"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert logged == [{"event": "origin_refused", "reason": "origin", "fetch_site": "cross-site"}]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example" * 25,
        "https://evil.example/\u202e\u200b\x1b[2J\x07\x7f",
        "https://\U0001f608.example" * 20,
        "https://ann:Correct-horse-7@evil.example",
        "https://evil.example/?token=Correct-horse-7",
        f"https://{'a' * 100}/?token=Correct-horse-7",
    ],
    ids=["long", "controls", "wide", "user", "query", "at the cut"],
)
async def test_what_is_logged_of_a_refused_page_is_short_printable_and_holds_no_secret(
    monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    logged = logged_by("app.layers.cors", monkeypatch)
    headers = [(name, origin.encode()) for name in (b"Origin", b"Access-Control-Request-Headers")]
    async with client_of(_service()) as client:
        answer = await client.request("OPTIONS", "/thing", headers=headers)
    assert answer.status_code == 403
    for field in ("origin", "asked_headers"):
        said = logged[0][field]
        assert said.startswith("https://")
        assert len(said) <= MAX_PRINTABLE
        assert said.isascii()
        assert said.isprintable()
        assert "orrect" not in said


@pytest.mark.anyio
async def test_of_an_origin_that_is_far_too_long_only_that_is_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logged = logged_by("app.layers.cors", monkeypatch)
    await _ask("GET", "/thing", {"Origin": f"{PAGE}{'x' * 4000}"})
    assert [one["origin"] for one in logged] == [f"<{len(PAGE) + 4000} bytes>"]


@pytest.mark.anyio
async def test_twin_nothing_is_logged_of_a_page_that_is_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logged = logged_by("app.layers.cors", monkeypatch)
    assert (await _ask("POST", "/thing", {"Origin": PAGE})).status_code == 200
    assert (await _ask("OPTIONS", "/thing", PREFLIGHT)).status_code == 204
    assert not logged


@pytest.mark.anyio
async def test_a_page_that_is_traced_passes_its_preflight() -> None:
    asked = {"Access-Control-Request-Headers": "authorization,traceparent,tracestate"}
    answer = await _ask("OPTIONS", "/thing", PREFLIGHT | asked)
    assert answer.status_code == 204
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert {"traceparent", "tracestate"} <= set(allowed)


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
    answer = await _ask("POST", "/thing", {"Origin": OWN}, calls)
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
    asked = PREFLIGHT | {
        "Access-Control-Request-Method": "TRACE",
        "Access-Control-Request-Headers": "authorization,x-tenant",
    }
    answer = await _ask("OPTIONS", "/thing", asked)
    assert answer.status_code == 403
    assert not _grants(answer)
    assert answer.headers.get_list("vary") == [
        "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    ]
    assert logged == [
        {
            "event": "origin_refused",
            "reason": "preflight",
            "origin": PAGE,
            "asked_method": "TRACE",
            "asked_headers": "authorization,x-tenant",
        }
    ]


@pytest.mark.anyio
async def test_options_that_is_no_preflight_is_a_request_like_any_other() -> None:
    answer = await _ask("OPTIONS", "/thing", {"Origin": PAGE})
    assert answer.status_code == 405
    assert answer.headers.get_list("access-control-allow-origin") == [PAGE]
