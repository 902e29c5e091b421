"""Layer 2 in Chromium: no page of another site holds, frames or embeds an answer of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.asking import ask

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Frame, Page

    from tests.browser.chromium import Tab
    from tests.browser.sites import Site
    from tests.stack import Stack

KEYS = "/.well-known/jwks.json"
LOAD = """
([tag, url]) => new Promise((resolve) => {
  const element = document.createElement(tag);
  element.onload = () => resolve("loaded");
  element.onerror = () => resolve("error");
  element.src = url;
  document.body.append(element);
})
"""


@pytest.mark.parametrize("tag", ["img", "script", "audio"])
@pytest.mark.parametrize("path", ["/healthz", KEYS, "/docs/swagger-ui-bundle.js"])
def test_attack_an_answer_is_no_part_of_any_other_page(
    tab: Tab, stack: Stack, allowed: Site, tag: str, path: str
) -> None:
    """Not even of an allowed one: it may ask with `fetch`, and read, or not at all."""
    tab.page.goto(allowed.origin)
    url = f"{stack.https_url}{path}"
    assert tab.page.evaluate(LOAD, [tag, url]) == "error"
    tab.wait_until(lambda: tab.failed, "the browser's reason")
    assert tab.failed == {url: "net::ERR_BLOCKED_BY_RESPONSE.NotSameOrigin"}


def test_twin_a_page_loads_its_own_files_and_asks_the_service(
    tab: Tab, stack: Stack, allowed: Site
) -> None:
    tab.page.goto(allowed.origin)
    for tag, path in (("img", "/pixel.svg"), ("script", "/script.js")):
        assert tab.page.evaluate(LOAD, [tag, f"{allowed.origin}{path}"]) == "loaded"
    assert tab.page.evaluate("document.documentElement.dataset.ran") == "theirs"
    assert ask(tab.page, stack, "/healthz")["body"] == '{"status":"ok"}'
    assert tab.failed == {}


def frame_of(page: Page, url: str) -> Frame:
    """Return a frame of the page once it shows this address, or why it does not."""
    page.evaluate(
        """(url) => new Promise((resolve) => {
          const frame = document.createElement("iframe");
          Object.assign(frame, {src: url, onload: resolve});
          document.body.append(frame);
        })""",
        url,
    )
    (_, frame) = page.frames
    return frame


@pytest.mark.parametrize("path", ["/docs", "/healthz", "/nowhere"])
def test_attack_no_page_frames_an_answer(
    tab: Tab, stack: Stack, either_site: Site, path: str
) -> None:
    tab.page.goto(either_site.origin)
    frame = frame_of(tab.page, f"{stack.https_url}{path}")
    tab.wait_until(lambda: frame.url == "chrome-error://chromewebdata/", "an error in the frame")
    tab.wait_until(
        lambda: [text for text in tab.complaints if "frame-ancestors 'none'" in text],
        "the browser's reason",
    )


def test_twin_a_page_frames_its_own(tab: Tab, allowed: Site) -> None:
    tab.page.goto(allowed.origin)
    frame = frame_of(tab.page, f"{allowed.origin}/")
    expect(frame.locator("#own")).to_be_visible()
    assert tab.complaints == []


def test_attack_whoever_opens_our_page_keeps_no_hold_of_it(
    new_tab: Callable[[], Tab], stack: Stack, foreign: Site
) -> None:
    page = new_tab().page
    page.goto(foreign.origin)
    with page.expect_popup() as opened:
        page.evaluate("(url) => { window.opened = open(url) }", f"{stack.https_url}/docs")
    expect(opened.value.locator(".opblock").first).to_be_visible()
    assert page.evaluate("opened.closed")  # cross-origin-opener-policy parted them
    assert opened.value.evaluate("opener") is None


def test_twin_a_site_keeps_hold_of_its_own_page(new_tab: Callable[[], Tab], allowed: Site) -> None:
    page = new_tab().page
    page.goto(allowed.origin)
    with page.expect_popup() as opened:
        page.evaluate("(url) => { window.opened = open(url) }", f"{allowed.origin}/")
    expect(opened.value.locator("#own")).to_be_visible()
    assert not page.evaluate("opened.closed")
