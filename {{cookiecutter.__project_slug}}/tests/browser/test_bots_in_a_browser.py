"""The handshake tells a browser from a program that poses as one: nginx sees it, layer 5 judges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.layers.bots import Category, Decision
from app.layers.bots.provider import CLEAR
from tests.browser.chromium import started, user_agent
from tests.layers.bots import scope_of
from tests.layers.test_bots_judge import JUDGE
from tests.lone_edge import lone_edge

if TYPE_CHECKING:
    from pathlib import Path

    from app.layers.bots import Verdict
    from tests.lone_edge import Arrival
    from tests.stack import Stack

FORGED = (("X-TLS-Grease", "1"), ("x-tls-grease", "1"), ("X_TLS_Grease", "1"))


def _judged(arrival: Arrival) -> Verdict:
    sent = dict(arrival.headers)
    return JUDGE.judge(scope_of(sent.pop("user-agent"), **sent))


def test_a_programs_handshake_is_told_from_that_of_the_browser_it_poses_as(
    stack: Stack, tmp_path: Path
) -> None:
    with lone_edge(stack, tmp_path) as edge:
        port, url = edge.stack.https_port, edge.stack.https_url
        believed = (stack.service.certificates.certificate,)
        with started({f"localhost:{port}": port}, believed) as browser:
            name = user_agent(browser)
            context = browser.new_context(user_agent=name)
            for path in ("/first", "/second"):
                context.new_page().goto(f"{url}{path}")
        for path in ("/first", "/second"):
            arrival = edge.the_arrival(f"GET {path} ")
            assert arrival.values("x-tls-grease") == ["1"]
            assert _judged(arrival) is CLEAR

        # The same headers, but for one, from a program: whatever it says of its handshake.
        copied = {
            known: value
            for known, value in edge.the_arrival("GET /first ").headers
            if known.startswith(("accept", "sec-fetch", "user-agent"))
        }
        with edge.stack.client() as client:
            client.headers.clear()
            client.get("/posing", headers=[*copied.items(), *FORGED])
        arrival = edge.the_arrival("GET /posing ")
        assert arrival.values("x-tls-grease") == ["0"]
        verdict = _judged(arrival)
        assert verdict[:2] == (Category.SPOOFED_BROWSER, Decision.SLOW)
        assert verdict.reasons == ("no Sec-CH-UA", "no GREASE in the TLS handshake")
