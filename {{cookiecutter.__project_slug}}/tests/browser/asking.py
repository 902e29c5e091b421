"""What scripts of a page do to call the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Frame, Page

    from tests.stack import Stack

FETCH = """
async ([url, options]) => {
  try {
    const answer = await fetch(url, options);
    const headers = Object.fromEntries(answer.headers);
    const body = await answer.text();
    return {type: answer.type, status: answer.status, headers, body};
  } catch (error) {
    return {type: error.name};
  }
}
"""
REFUSED = {"type": "TypeError"}
"""What a page learns of a request that its browser will not let it read: nothing."""


def ask(page: Page | Frame, stack: Stack, path: str, **options: Any) -> Any:
    """Let a page's script call the service."""
    return page.evaluate(FETCH, [f"{stack.https_url}{path}", options])


def as_json(page: Page | Frame, given: Any) -> dict[str, Any]:
    """Return `fetch` options for a body of JSON, which a browser asks permission for."""
    body = page.evaluate("(given) => JSON.stringify(given)", given)
    return {"method": "POST", "headers": {"Content-Type": "application/json"}, "body": body}
