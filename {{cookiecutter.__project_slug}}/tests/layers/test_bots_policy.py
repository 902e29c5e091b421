"""What a route says about bots, and what the settings say about all of them."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import APIRouter, FastAPI, Request

from app.layers import bots
from app.layers.authorization import CurrentUser, Public
from app.layers.bots import BotsSettings, Category, Decision, Routes, Verdict
from app.layers.bots.policy import ANY_ROUTE, Policy, RoutePolicy
from app.layers.rate_limits import limiter

if TYPE_CHECKING:
    from collections.abc import Callable

LIBRARY = Verdict(Category.HTTP_LIBRARY, Decision.ALLOW)
CRAWLER = Verdict(Category.AI_CRAWLER, Decision.REFUSE)
MISBEHAVING = Verdict(Category.MISBEHAVING, Decision.REFUSE, ("honeypot",), 400)

router = APIRouter()


@router.get("/page")
async def read_page(access: Public) -> str:
    del access
    return "page"


@router.get("/items")
async def list_items(access: CurrentUser) -> str:
    del access
    return "items"


@router.get("/items/{name}")
async def read_item(name: str, access: CurrentUser) -> str:
    del access
    return name


@router.get("/items/public")
@bots.allow(Category.AI_CRAWLER)
async def never_reached(access: Public) -> str:
    del access
    return "the one above takes its path"


@router.post("/login")
@limiter.limit("5/minute")
@bots.allow(Category.HTTP_LIBRARY)
async def log_in(request: Request, access: Public) -> str:
    del request, access
    return "token"


@router.post("/signup")
@bots.allow(Category.HTTP_LIBRARY)
@bots.allow(Category.MONITORING)
@limiter.limit("5/minute")
async def sign_up(request: Request, access: Public) -> str:
    del request, access
    return "account"


@router.post("/webhook")
@bots.exempt
async def webhook(access: Public) -> str:
    del access
    return "thanks"


@pytest.fixture(scope="module")
def routes() -> Routes:
    app = FastAPI(openapi_url=None)
    app.include_router(router, prefix="/v1")
    return Routes(app)


def _decide(
    verdict: Verdict, route: RoutePolicy, **settings: Any
) -> tuple[Category | None, Decision]:
    decided = Policy(BotsSettings.model_validate(settings)).decide(verdict, route)
    return decided.category, decided.decision


def test_a_library_is_let_through_where_a_token_is_asked_for(routes: Routes) -> None:
    for path in ("/v1/items", "/v1/items/7", "/v1/items/public"):
        decided = _decide(LIBRARY, routes.policy("GET", path))
        assert decided == (Category.HTTP_LIBRARY, Decision.ALLOW)


def test_attack_a_library_is_refused_on_public_routes(routes: Routes) -> None:
    decided = Policy(BotsSettings()).decide(LIBRARY, routes.policy("GET", "/v1/page"))
    assert decided[:2] == (Category.HTTP_LIBRARY, Decision.REFUSE)
    assert decided.reasons == ("only where a token is asked for",)


@pytest.mark.parametrize("path", ["/v1/login", "/v1/signup"])
def test_twin_a_library_is_let_through_on_public_routes_that_allow_it(
    routes: Routes, path: str
) -> None:
    decided = _decide(LIBRARY, routes.policy("POST", path))
    assert decided == (Category.HTTP_LIBRARY, Decision.ALLOW)


def test_the_setting_lets_libraries_through_everywhere(routes: Routes) -> None:
    route = routes.policy("GET", "/v1/page")
    assert _decide(LIBRARY, route, authenticated="")[1] is Decision.ALLOW
    assert _decide(LIBRARY, route, authenticated="monitoring")[1] is Decision.ALLOW


def test_what_a_route_allows_is_let_through_though_the_settings_refuse_it() -> None:
    marks = bots.decorators.Marks(allowed=frozenset({Category.AI_CRAWLER}))
    route = RoutePolicy(is_public=True, marks=marks)
    assert _decide(CRAWLER, route)[1] is Decision.ALLOW
    assert _decide(Verdict(Category.SEO, Decision.REFUSE), route)[1] is Decision.REFUSE


def test_attack_who_misbehaves_is_refused_whatever_the_route_allows_its_name(
    routes: Routes,
) -> None:
    assert _decide(MISBEHAVING, routes.policy("POST", "/v1/login"))[1] is Decision.REFUSE


@pytest.mark.parametrize("verdict", [CRAWLER, MISBEHAVING, LIBRARY], ids=["name", "deeds", "none"])
def test_twin_an_exempt_route_is_open_to_all(routes: Routes, verdict: Verdict) -> None:
    assert _decide(verdict, routes.policy("POST", "/v1/webhook"))[1] is Decision.ALLOW


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/webhook"),
        ("POST", "/v1/webhook/"),
        ("POST", "/v1/webhooks"),
        ("POST", "/webhook"),
        ("PURGE", "/v1/webhook"),
        ("post", "/v1/webhook"),
    ],
    ids=repr,
)
def test_attack_what_only_looks_like_an_exempt_route_is_none(
    routes: Routes, method: str, path: str
) -> None:
    route = routes.policy(method, path)
    assert route is ANY_ROUTE
    assert _decide(CRAWLER, route)[1] is Decision.REFUSE


def test_the_first_route_that_fits_is_the_one_that_counts(routes: Routes) -> None:
    assert routes.policy("GET", "/v1/items/public").marks == bots.decorators.NO_MARKS
    assert not routes.policy("GET", "/v1/items/public").is_public


def test_a_mark_survives_what_wraps_its_endpoint() -> None:
    def wrapped(endpoint: Callable[[], None]) -> Callable[[], None]:
        @functools.wraps(endpoint)
        def wrapper() -> None:
            endpoint()

        return wrapper

    def endpoint() -> None: ...

    marked = wrapped(bots.allow(Category.SEO)(endpoint))
    assert bots.decorators.marks_of(marked).allowed == {Category.SEO}


def test_attack_endpoints_of_one_name_do_not_share_a_mark() -> None:
    def made() -> Callable[[], None]:
        def endpoint() -> None: ...

        return endpoint

    assert bots.decorators.marks_of(bots.exempt(made())).is_exempt
    assert not bots.decorators.marks_of(made()).is_exempt


@pytest.mark.parametrize("worse", [Decision.ALLOW, Decision.SLOW, Decision.REFUSE])
def test_attack_a_library_gains_nothing_by_being_known_for_worse(
    routes: Routes, worse: Decision
) -> None:
    # What it does may be monitored only, and it would be let through for that.
    seen = Verdict(Category.MISBEHAVING, worse, ("honeypot",), 100, Category.HTTP_LIBRARY)
    policy = Policy(BotsSettings(monitor=(Category.MISBEHAVING,)))
    decided = policy.decide(seen, routes.policy("GET", "/v1/page"))
    assert decided[:2] == (Category.HTTP_LIBRARY, Decision.REFUSE)
    assert policy.enforces(decided)


def test_twin_a_misbehaving_library_is_judged_by_its_deeds_where_it_may_go(routes: Routes) -> None:
    seen = Verdict(Category.MISBEHAVING, Decision.SLOW, (), 60, Category.HTTP_LIBRARY)
    for method, path in (("GET", "/v1/items"), ("POST", "/v1/login")):
        assert _decide(seen, routes.policy(method, path)) == (Category.MISBEHAVING, Decision.SLOW)
