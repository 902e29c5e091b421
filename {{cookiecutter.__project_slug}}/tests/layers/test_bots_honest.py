"""Whom the default policy must leave alone, and what it must not miss: the figures of the layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from crawleruseragents import CRAWLER_USER_AGENTS_DATA

from app.layers.bots import BotsSettings, Decision
from app.layers.bots.local import UserAgents
from app.layers.bots.policy import Policy, Routes
from app.main import create_app
from tests.in_process import make_settings
from tests.layers.bots import scope_of
from tests.layers.honest_clients import HEADERS, HONEST
from tests.layers.test_bots_judge import JUDGE

if TYPE_CHECKING:
    from starlette.types import Scope

BY_ALL = (
    ("POST", "/api/v1/accounts/signup"),
    ("POST", "/api/v1/accounts/login"),
    ("POST", "/api/v1/accounts/refresh"),
    ("GET", "/api/v1/accounts/me"),
    ("GET", "/openapi.json"),
    ("GET", "/.well-known/jwks.json"),
    ("GET", "/healthz"),
    ("GET", "/nothing/here"),
)
BY_BROWSERS = (("GET", "/docs"), ("GET", "/docs/swagger-ui.css"))
POLICY = Policy(BotsSettings())

CRAWLERS = tuple(
    {text for entry in CRAWLER_USER_AGENTS_DATA for text in entry["instances"]}
    | {
        *("GPTBot/1.3", "ClaudeBot/1.0", "CCBot/2.0", "Bytespider", "PerplexityBot/1.0", "Diffbot"),
        *("sqlmap/1.9#stable", "Nikto/2.5.0", "nuclei", "gobuster/3.6", "feroxbuster/2.11.0"),
        *("Fuzz Faster U Fool v2.1.0-dev", "WPScan v3.8.28", "masscan/1.3", "zgrab/0.x"),
        *("Scrapy/2.13.3", "HTTrack/3.49", "my scraper", "Simple Web Crawler", "puppeteer"),
        *("HeadlessChrome/142.0.0.0", "Playwright/1.55", "selenium/4.35", "PhantomJS/2.1.1"),
        *("YandexBot/3.0", "YandexImages/3.0", "googlebot", "BINGBOT", "undici", "node"),
        *("Java/17.0.2", "PostmanRuntime/7.49.0", "k6/1.3.0", "Deno/2.5.4", "kube-probe/1.34"),
    }
)


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Routes:
    """The service's own."""
    routes: Routes = create_app(make_settings(tmp_path_factory.mktemp("service"))).state.bot_routes
    return routes


def _decision(seen: Scope, routes: Routes, method: str, path: str) -> Decision:
    return POLICY.decide(JUDGE.judge(seen), routes.policy(method, path)).decision


def test_the_set_is_as_large_as_it_is_said_to_be() -> None:
    assert len(set(HONEST)) == len(HONEST) >= 100
    assert len(CRAWLERS) >= 2000


@pytest.mark.parametrize(("kind", "user_agent"), HONEST)
def test_twin_no_honest_client_is_refused_or_held(
    kind: str, user_agent: str, routes: Routes
) -> None:
    headers = HEADERS[kind]
    unsaid = {name: value for name, value in headers.items() if name != "x-tls-grease"}
    asked = BY_ALL if kind == "app" else BY_ALL + BY_BROWSERS
    for sent, scheme in ((headers, "https"), (unsaid, "https"), (unsaid, "http")):
        seen = scope_of(user_agent, scheme=scheme, **sent)
        for method, path in asked:
            assert _decision(seen, routes, method, path) is Decision.ALLOW, (method, path)


@pytest.mark.parametrize(("kind", "user_agent"), HONEST)
def test_twin_an_office_that_looks_into_tls_shuts_no_honest_client_out(
    kind: str, user_agent: str, routes: Routes
) -> None:
    # Its proxy makes the handshake anew, and offers no reserved cipher.
    decided = _decision(
        scope_of(user_agent, **(HEADERS[kind] | {"x-tls-grease": "0"})),
        *(routes, "GET", "/api/v1/accounts/me"),
    )
    assert decided is not Decision.REFUSE
    assert decided is Decision.ALLOW or kind == "view"  # two oddities: held for a moment


def test_attack_hardly_a_crawler_is_taken_for_nobody() -> None:
    user_agents = UserAgents()
    missed = [one for one in CRAWLERS if user_agents.claim(one.encode()).category is None]
    assert len(missed) <= len(CRAWLERS) / 100, missed
