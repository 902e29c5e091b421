"""The live service, two web sites beside it, one of them allowed, and a browser for all three."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from dev.certificates import ensure_certificates
from tests.browser.chromium import Tab, started, user_agent
from tests.browser.sites import Doorway, Site, served
from tests.stack import fresh_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from dev.certificates import CertificateFiles
    from tests.stack import Stack

ALLOWED = "app.example.test"
"""What the stack's settings allow, over https and on its usual port."""
FOREIGN = "evil.example.test"

PATIENCE_MILLISECONDS = 30_000
"""A page of 1.7 MB of script takes its time on a machine that has no time."""
expect.set_options(timeout=PATIENCE_MILLISECONDS)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    """The certificate of both sites."""
    return ensure_certificates(tmp_path_factory.mktemp("sites"), (ALLOWED, FOREIGN))


@pytest.fixture(scope="session")
def allowed(certificates: CertificateFiles) -> Iterator[Site]:
    """A site whose pages may use the service."""
    with Site(ALLOWED, certificates) as site, served(site):
        yield site


@pytest.fixture(scope="session")
def foreign(certificates: CertificateFiles) -> Iterator[Site]:
    """A site whose pages may not."""
    with Site(FOREIGN, certificates) as site, served(site):
        yield site


@pytest.fixture(params=["allowed", "foreign"])
def either_site(request: pytest.FixtureRequest, allowed: Site, foreign: Site) -> Site:
    """The one site, then the other."""
    return allowed if request.param == "allowed" else foreign


@pytest.fixture(scope="session")
def doorway(stack: Stack) -> Iterator[Doorway]:
    """The browser's way to the service."""
    with Doorway(stack.https_port) as way, served(way):
        yield way


# Not for the session: until it ends, Playwright's event loop is the thread's, and no asynchronous
# test could run.
@pytest.fixture(scope="module")
def browser(
    stack: Stack, doorway: Doorway, allowed: Site, foreign: Site, certificates: CertificateFiles
) -> Iterator[Browser]:
    """A browser that finds the three under their names."""
    places = {
        f"localhost:{stack.https_port}": doorway.server_address[1],
        f"{allowed.name}:443": allowed.server_address[1],
        f"{foreign.name}:443": foreign.server_address[1],
    }
    believed = (stack.service.certificates.certificate, certificates.certificate)
    with started(places, believed) as browser:
        yield browser


@pytest.fixture
def new_tab(browser: Browser, stack: Stack, doorway: Doorway) -> Iterator[Callable[[], Tab]]:
    """Opens tabs of one visitor: a fresh profile, at an address that nobody used before."""
    doorway.source = fresh_source()
    context = browser.new_context(
        base_url=stack.https_url, user_agent=user_agent(browser), service_workers="block"
    )
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    yield lambda: Tab(context.new_page()).watch()
    context.close()


@pytest.fixture
def tab(new_tab: Callable[[], Tab]) -> Tab:
    """A tab of a fresh visitor."""
    return new_tab()


@pytest.fixture(autouse=True)
def _forget(allowed: Site, foreign: Site) -> None:
    """Let the sites forget what they were asked in other tests."""
    allowed.asked.clear()
    foreign.asked.clear()
