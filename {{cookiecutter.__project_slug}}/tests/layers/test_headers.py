"""Layer 2: the policy, that it is worn once by whatever leaves, and what may loosen it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from fastapi import Depends, FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse, Response, StreamingResponse

from app.errors import Conflict
from app.layers.headers import (
    NEVER_SENT,
    HeadersMiddleware,
    HeadersSettings,
    Relaxation,
    Wardrobe,
    policy,
    relax,
    relaxations,
)
from app.main import create_app
from tests.in_process import client_of as proxied_client_of
from tests.in_process import make_settings
from tests.layers.small_app import client_of, small_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import httpx

POLICY = policy(HeadersSettings())
CSP = b"content-security-policy"
WARDROBE = Wardrobe(HeadersSettings())


def test_the_policy_is_that_of_an_api() -> None:
    assert {
        b"strict-transport-security": b"max-age=63072000; includeSubDomains",
        CSP: b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        b"x-frame-options": b"DENY",
        b"x-content-type-options": b"nosniff",
        b"referrer-policy": b"no-referrer",
        b"permissions-policy": b"camera=(), geolocation=(), microphone=(), usb=()",
        b"cross-origin-opener-policy": b"same-origin",
        b"cross-origin-resource-policy": b"same-origin",
        b"x-permitted-cross-domain-policies": b"none",
        b"cache-control": b"no-store",
    } == POLICY


def test_preload_is_only_asked_for_when_set() -> None:
    assert b"preload" not in POLICY[b"strict-transport-security"]
    asked = policy(HeadersSettings(hsts_preload=True))[b"strict-transport-security"]
    assert asked == b"max-age=63072000; includeSubDomains; preload"


def test_an_answer_wears_the_policy_and_keeps_the_rest_in_its_order() -> None:
    given = [(b"content-type", b"text/plain"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    assert WARDROBE.dress(given) == [*given, *POLICY.items()]


def test_a_routes_own_csp_is_enforced_beside_ours() -> None:
    given = [(CSP, b"sandbox"), (CSP, b" "), (CSP, b"img-src 'none', media-src 'none'")]
    worn = dict(WARDROBE.dress(given))
    assert worn[CSP] == POLICY[CSP] + b", sandbox, img-src 'none', media-src 'none'"


NAMES = st.sampled_from(
    [*POLICY, *NEVER_SENT, b"set-cookie", b"etag", b"X-Frame-Options", b"SERVER", b"Cache-Control"]
)
FIELDS = st.lists(st.tuples(NAMES, st.binary(max_size=8)), max_size=12)
RELAXATIONS = st.sampled_from(
    [(), *((one,) for one in Relaxation), (Relaxation.PAGE, Relaxation.REVALIDATED)]
)


@given(given=FIELDS, asked=RELAXATIONS)
def test_whatever_a_route_sets_each_header_of_the_policy_stands_once_and_is_ours(
    given: list[tuple[bytes, bytes]], asked: tuple[Relaxation, ...]
) -> None:
    dressed = WARDROBE.dress(given, asked)
    seen = Counter(name.lower() for name, _ in dressed)
    expected = POLICY | dict(one.value for one in asked)
    worn = {name: value for name, value in dressed if name in POLICY}
    assert all(seen[name] == 1 for name in POLICY)
    assert not seen.keys() & NEVER_SENT
    assert worn.pop(CSP).split(b", ")[0] == expected.pop(CSP)
    assert worn == expected


@given(given=FIELDS)
def test_what_is_not_of_the_policy_leaves_as_it_came(given: list[tuple[bytes, bytes]]) -> None:
    owned = POLICY.keys() | NEVER_SENT

    def others(fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        return [(name, value) for name, value in fields if name.lower() not in owned]

    assert others(WARDROBE.dress(given)) == others(given)


# --- through the middleware -----------------------------------------------------------------------


async def _endless() -> AsyncIterator[bytes]:
    yield b"a"
    yield b"b"


def _service() -> FastAPI:
    app = small_app()
    app.user_middleware.insert(1, Middleware(HeadersMiddleware, settings=HeadersSettings()))
    loose = {"Cache-Control": "public", "X-Frame-Options": "ALLOWALL", "Server": "old/1.0"}

    @app.get("/plain")
    async def plain() -> Response:
        return Response("ok", headers=loose)

    @app.head("/plain")
    async def head() -> Response:
        return Response(headers=loose)

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(_endless(), headers=loose)

    @app.get("/unchanged")
    async def unchanged() -> Response:
        return Response(status_code=304, headers=loose)

    @app.get("/elsewhere")
    async def elsewhere() -> RedirectResponse:
        return RedirectResponse("/plain", headers=loose)

    @app.get("/conflict")
    async def conflict() -> None:
        raise Conflict("It is taken.", headers=loose)

    @app.get("/crash")
    async def crash() -> None:
        raise ZeroDivisionError

    @app.get("/page", dependencies=[Depends(relax(Relaxation.PAGE, Relaxation.REVALIDATED))])
    async def page(*, fails: bool = False) -> Response:
        if fails:
            raise Conflict("It is taken.")
        return Response("ok")

    return app


def _worn(answer: httpx.Response) -> dict[bytes, bytes]:
    raw = [(name.lower(), value) for name, value in answer.headers.raw]
    assert len(raw) == len(dict(raw)), raw
    return {name: value for name, value in raw if name in POLICY}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/plain", 200),
        ("HEAD", "/plain", 200),
        ("GET", "/stream", 200),
        ("GET", "/unchanged", 304),
        ("GET", "/elsewhere", 307),
        ("GET", "/nowhere", 404),
        ("DELETE", "/plain", 405),
        ("GET", "/conflict", 409),
        ("GET", "/page?fails=maybe", 422),
        ("GET", "/crash", 500),
    ],
)
async def test_every_kind_of_answer_wears_the_policy_whatever_its_route_says(
    method: str, path: str, status: int
) -> None:
    async with client_of(_service()) as client:
        answer = await client.request(method, path)
    assert answer.status_code == status
    assert _worn(answer) == POLICY
    assert "server" not in answer.headers


@pytest.mark.anyio
async def test_a_route_that_asks_is_dressed_more_loosely_in_that_and_nothing_else() -> None:
    async with client_of(_service()) as client:
        answer = await client.get("/page")
    expected = POLICY | dict([Relaxation.PAGE.value, Relaxation.REVALIDATED.value])
    assert _worn(answer) == expected
    assert expected != POLICY


@pytest.mark.anyio
async def test_its_errors_are_dressed_as_tightly_as_all() -> None:
    async with client_of(_service()) as client:
        answer = await client.get("/page?fails=true")
    assert answer.status_code == 409
    assert _worn(answer) == POLICY


@pytest.mark.anyio
async def test_even_a_layer_that_crashes_leaves_no_naked_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing outside of the error boundary should; if it does, no layer sees the answer."""
    monkeypatch.setattr("app.layers.cors.judge", lambda *_: 1 / 0)
    service = create_app(make_settings(tmp_path))
    async with proxied_client_of(service) as client:
        answer = await client.get("/healthz")
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:problem:internal-error"
    assert _worn(answer) == POLICY
    assert answer.headers["x-request-id"] == answer.json()["request_id"]


# --- who loosens ----------------------------------------------------------------------------------


def test_a_page_may_run_files_of_ours_and_nothing_inline_or_foreign() -> None:
    name, value = Relaxation.PAGE.value
    assert name == CSP
    sources = {part.split()[0]: part.split()[1:] for part in value.decode().split("; ")}
    allowed = {"'none'", "'self'", "data:"}
    assert {source for given in sources.values() for source in given} <= allowed
    assert [directive for directive, given in sources.items() if "data:" in given] == ["img-src"]
    for tight in ("default-src", "base-uri", "form-action", "frame-ancestors"):
        assert sources[tight] == ["'none'"]


def test_asking_for_nothing_or_for_two_values_of_a_header_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        relax()
    with pytest.raises(ValueError, match="one for each header"):
        relax(Relaxation.REVALIDATED, Relaxation.CACHED)


def test_these_routes_are_dressed_more_loosely_and_no_others(tmp_path: Path) -> None:
    """Another one here is a decision: what it loosens is worth a look."""
    usual = relaxations(create_app(make_settings(tmp_path, DOCS="false")))
    places = ("jwks.json", "oauth-protected-resource")
    assert usual == {f"GET /.well-known/{place}": (Relaxation.CACHED,) for place in places}
    with_docs = relaxations(create_app(make_settings(tmp_path, DOCS="true")))
    paths = {name.partition(" ")[2].split("/")[1] for name in with_docs.keys() - usual.keys()}
    assert paths == {"docs", "openapi.json"}
