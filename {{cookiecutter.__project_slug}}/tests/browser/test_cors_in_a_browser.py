"""Layer 3 in Chromium: pages of an allowed site use the service, pages of a foreign one do not."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from tests.browser.asking import REFUSED, as_json, ask

if TYPE_CHECKING:
    from playwright.sync_api import Frame, Page

    from tests.browser.chromium import Tab
    from tests.browser.sites import Site
    from tests.stack import Stack

PASSWORD = "Correct-horse-7"
SIGNUP = "/api/v1/accounts/signup"
LOGIN = "/api/v1/accounts/login"
ME = "/api/v1/accounts/me"
KEYS = "/.well-known/jwks.json"


def credentials() -> dict[str, str]:
    return {"email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD}


def assert_no_account(stack: Stack, given: dict[str, str]) -> None:
    """Assert that no handler ran: the address is still free."""
    assert stack.client().post(SIGNUP, json=given).status_code == 201


def test_twin_an_allowed_page_reads_an_answer_and_the_headers_it_needs(
    tab: Tab, stack: Stack, allowed: Site
) -> None:
    tab.page.goto(allowed.origin)
    answer = ask(tab.page, stack, KEYS)
    assert (answer["type"], answer["status"]) == ("cors", 200)
    assert '"keys"' in answer["body"]
    assert {"x-request-id", "ratelimit", "ratelimit-policy"} <= set(answer["headers"])
    assert tab.complaints == []


def test_twin_an_allowed_page_signs_up_logs_in_and_changes_something(
    tab: Tab, stack: Stack, allowed: Site
) -> None:
    tab.page.goto(allowed.origin)
    given = credentials()
    assert ask(tab.page, stack, SIGNUP, **as_json(tab.page, given))["status"] == 201
    answer = ask(tab.page, stack, LOGIN, **as_json(tab.page, given))
    token = tab.page.evaluate("(text) => JSON.parse(text).access_token", answer["body"])
    change = as_json(tab.page, {"display_name": "Ada"}) | {"method": "PATCH"}
    change["headers"] |= {"Authorization": f"Bearer {token}"}
    answer = ask(tab.page, stack, ME, **change)
    assert answer["status"] == 200
    assert '"Ada"' in answer["body"]
    assert tab.complaints == []


def test_twin_an_allowed_page_reads_why_it_was_refused(
    tab: Tab, stack: Stack, allowed: Site
) -> None:
    tab.page.goto(allowed.origin)
    wrong = as_json(tab.page, credentials())
    answers = {
        401: ask(tab.page, stack, ME),
        404: ask(tab.page, stack, "/nowhere"),
        422: ask(tab.page, stack, SIGNUP, **as_json(tab.page, {"email": 1})),
        429: [ask(tab.page, stack, LOGIN, **wrong) for _ in range(11)][-1],
    }
    for status, answer in answers.items():
        assert (answer["type"], answer["status"]) == ("cors", status)
        assert answer["headers"]["content-type"] == "application/problem+json"
        assert answer["headers"]["x-request-id"] in answer["body"]
    assert int(answers[429]["headers"]["retry-after"]) > 0


def test_twin_an_allowed_page_reads_what_nginx_itself_refuses(
    tab: Tab, stack: Stack, allowed: Site
) -> None:
    tab.page.goto(allowed.origin)
    answer = ask(tab.page, stack, f"/{'a' * 9_000}")
    assert (answer["type"], answer["status"]) == ("cors", 414)
    assert answer["headers"]["x-request-id"] in answer["body"]


def test_attack_a_foreign_page_does_not_even_read_that(
    tab: Tab, stack: Stack, foreign: Site
) -> None:
    tab.page.goto(foreign.origin)
    assert ask(tab.page, stack, f"/{'a' * 9_000}") == REFUSED


@pytest.mark.parametrize("mode", ["plain", "with a token", "preflighted"])
def test_attack_a_foreign_page_reads_nothing_and_changes_nothing(
    tab: Tab, stack: Stack, foreign: Site, mode: str
) -> None:
    tab.page.goto(foreign.origin)
    given = credentials()
    account = stack.signup()
    answer = {
        "plain": lambda: ask(tab.page, stack, KEYS),
        "with a token": lambda: ask(
            tab.page, stack, ME, headers={"Authorization": f"Bearer {account.access_token}"}
        ),
        "preflighted": lambda: ask(tab.page, stack, SIGNUP, **as_json(tab.page, given)),
    }[mode]()
    assert answer == REFUSED
    assert stack.log_lines(event="origin_refused")
    assert_no_account(stack, given)


def test_attack_a_request_that_needs_no_permission_reaches_no_handler(
    tab: Tab, stack: Stack, foreign: Site
) -> None:
    """`no-cors` asks nobody beforehand: only the service itself can refuse it."""
    tab.page.goto(foreign.origin)
    given = credentials()
    simple = as_json(tab.page, given) | {"mode": "no-cors", "headers": {}}
    answer = ask(tab.page, stack, SIGNUP, **simple)
    assert answer == REFUSED or (answer["type"], answer["body"]) == ("opaque", "")
    (line,) = stack.log_lines(event="origin_refused")
    assert stack.log_lines(request_id=line["http.request.id"], status=403)
    assert_no_account(stack, given)


@pytest.mark.parametrize("enctype", ["text/plain", "application/x-www-form-urlencoded"])
def test_attack_a_form_of_a_foreign_page_reaches_no_handler(
    tab: Tab, stack: Stack, foreign: Site, enctype: str
) -> None:
    tab.page.goto(foreign.origin)
    given = credentials()
    assert send_form(tab.page, stack, given, enctype) == 403
    assert stack.log_lines(event="origin_refused")
    assert_no_account(stack, given)


def send_form(page: Page, stack: Stack, given: dict[str, str], enctype: str) -> int:
    """Let a page send a form to the service; return the status of what is shown then.

    The one field's name and value make a whole JSON body, were it sent as text.
    """
    script = """
        ([url, enctype, name]) => {
          const form = document.createElement("form");
          Object.assign(form, {action: url, method: "post", enctype});
          const field = form.appendChild(document.createElement("input"));
          Object.assign(field, {name, value: '"}'});
          document.body.append(form);
          form.submit();
        }
    """
    name = f'{{"email": "{given["email"]}", "password": "{given["password"]}", "padding": "'
    url = f"{stack.https_url}{SIGNUP}"
    with page.expect_navigation(url=url) as shown:
        page.evaluate(script, [url, enctype, name])
    return int(shown.value.status)


def test_twin_the_form_of_an_allowed_page_passes_this_layer(
    tab: Tab, stack: Stack, allowed: Site
) -> None:
    """And ends in the next one: a form is no JSON."""
    tab.page.goto(allowed.origin)
    assert send_form(tab.page, stack, credentials(), "text/plain") == 415


def framed(page: Page, sandbox: str) -> Frame:
    """Return a frame of the page's own, fenced in like this."""
    page.evaluate(
        """(sandbox) => new Promise((resolve) => {
          const frame = document.createElement("iframe");
          Object.assign(frame, {sandbox, srcdoc: "<p>framed", onload: resolve});
          document.body.append(frame);
        })""",
        sandbox,
    )
    (_, frame) = page.frames
    return frame


def test_attack_a_page_without_an_origin_is_refused(tab: Tab, stack: Stack, allowed: Site) -> None:
    """`Origin: null`: whoever can make a sandbox could send it."""
    tab.page.goto(allowed.origin)
    frame = framed(tab.page, "allow-scripts")
    assert frame.evaluate("origin") == "null"
    given = credentials()
    assert ask(frame, stack, KEYS) == REFUSED
    assert ask(frame, stack, SIGNUP, **as_json(frame, given)) == REFUSED
    assert len(stack.log_lines(event="origin_refused")) == 2
    assert_no_account(stack, given)


def test_twin_the_same_frame_with_its_origin_is_served(
    tab: Tab, stack: Stack, allowed: Site
) -> None:
    tab.page.goto(allowed.origin)
    frame = framed(tab.page, "allow-scripts allow-same-origin")
    assert frame.evaluate("origin") == allowed.origin
    assert ask(frame, stack, KEYS)["status"] == 200
