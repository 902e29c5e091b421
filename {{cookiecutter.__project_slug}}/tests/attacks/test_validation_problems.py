"""Layer 6 under attack: each refusal is, to the letter, what the API's description says of it."""

from __future__ import annotations

import secrets
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from jsonschema_rs import Draft202012Validator

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from tests.stack import Account, Stack

ACCOUNTS = "/api/v1/accounts"
ME, LOGIN, SIGNUP = f"{ACCOUNTS}/me", f"{ACCOUNTS}/login", f"{ACCOUNTS}/signup"
PASSWORD = "Correct-horse-7"


class Sent(NamedTuple):
    """A request, and the refusal that it earns."""

    status: int
    slug: str
    method: str = "POST"
    path: str = LOGIN
    options: Mapping[str, Any] = MappingProxyType({})
    times: int = 1


def _json(content: bytes, kind: str = "application/json") -> dict[str, Any]:
    return {"content": content, "headers": {"Content-Type": kind}}


STRANGER = {"email": "nobody@example.com", "password": PASSWORD}
MANY = {f"X-Header-{number}": "x" for number in range(80)}
REFUSED = (
    Sent(400, "malformed", options=_json(b'{"email": "a", "email": "b"}')),
    Sent(400, "malformed", options=_json(b'{"email": NaN}')),
    Sent(401, "unauthenticated", options={"json": STRANGER}),
    Sent(401, "unauthenticated", "GET", ME, {"headers": {"Authorization": "Bearer x"}}),
    Sent(403, "forbidden", "GET", "/api/v1/admin/users"),
    Sent(403, "origin-refused", options={"headers": {"Origin": "https://evil.example"}}),
    Sent(409, "conflict", "POST", SIGNUP),
    Sent(413, "too-large", options=_json(b"1" * 70_000)),
    Sent(413, "too-large", "GET", "/healthz", {"content": b"1" * 7_000_000}),
    Sent(414, "uri-too-long", "GET", f"/healthz?{'a' * 3_000}"),
    Sent(415, "unsupported-media-type", options=_json(b"{}", "text/plain")),
    Sent(415, "unsupported-media-type", options={"headers": {"Content-Encoding": "br"}}),
    Sent(421, "wrong-host", "GET", "/healthz", {"headers": {"Host": "evil.example"}}),
    Sent(422, "invalid", options={"json": {"email": "a", "password": 1, "role": "admin"}}),
    Sent(422, "invalid", "GET", "/healthz?a=1"),
    Sent(429, "rate-limited", options={"json": STRANGER}, times=40),
    Sent(431, "too-many-headers", "GET", "/healthz", {"headers": MANY}),
)


@pytest.fixture(scope="module")
def document(stack: Stack) -> Any:
    """The API's description, as anybody can read it."""
    return stack.client().get("/openapi.json").json()


@pytest.fixture(scope="module")
def account(stack: Stack) -> Account:
    """An account whose address somebody else wants."""
    return stack.signup()


def described(document: Any, answer: httpx.Response) -> Any:
    """Return what is said of an answer: of this status, from this operation."""
    operation = document["paths"][answer.url.path][answer.request.method.lower()]
    response = operation["responses"][str(answer.status_code)]
    if "$ref" in response:
        return document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return response


def assert_as_described(document: Any, answer: httpx.Response) -> None:
    """Hold an answer against the description: its kind, its body, the fields it must have."""
    told = described(document, answer)
    for name, field in told.get("headers", {}).items():
        assert name in answer.headers or not field.get("required")
    if not told.get("content"):
        assert answer.content == b""
        return
    kind = answer.headers["content-type"].partition(";")[0]
    whole = {**told["content"][kind]["schema"], "components": document["components"]}
    Draft202012Validator(whole).validate(answer.json())


@pytest.mark.parametrize("sent", REFUSED, ids=lambda sent: f"{sent.status} {sent.slug}")
def test_attack_a_refusal_is_as_it_is_described(
    stack: Stack, account: Account, document: Any, sent: Sent
) -> None:
    client, options = stack.client(), dict(sent.options)
    if sent.slug == "forbidden":
        options["headers"] = {"Authorization": f"Bearer {account.access_token}"}
    if sent.slug == "conflict":
        options["json"] = {"email": account.email, "password": PASSWORD}
    for _ in range(sent.times):
        answer = client.request(sent.method, sent.path, **options)
        if answer.status_code == sent.status:
            break
    assert (answer.status_code, answer.json()["type"]) == (sent.status, f"urn:problem:{sent.slug}")
    assert_as_described(document, answer)


def test_attack_what_no_operation_is_meant_by_is_a_problem_too(stack: Stack, document: Any) -> None:
    problem = Draft202012Validator(document["components"]["schemas"]["Problem"])
    asked = (("GET", "/nowhere"), ("PUT", LOGIN), ("TRACE", "/healthz"), ("GET", "/%00"))
    answers = [stack.client().request(method, path) for method, path in asked]
    assert [answer.status_code for answer in answers] == [404, 405, 405, 400]
    for answer in answers:
        assert answer.headers["content-type"] == "application/problem+json"
        problem.validate(answer.json())


def test_twin_an_answer_is_as_it_is_described(stack: Stack, document: Any) -> None:
    client = stack.client()
    given = {"email": f"{secrets.token_hex(8)}@example.com", "password": PASSWORD}
    answers = [client.post(SIGNUP, json=given), client.post(LOGIN, json=given)]
    tokens = answers[-1].json()
    client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
    answers += [
        client.get(ME),
        client.patch(ME, json={"display_name": "Ada"}),
        client.post(f"{ACCOUNTS}/refresh", json={"refresh_token": tokens["refresh_token"]}),
        client.get("/healthz"),
        client.get("/readyz"),
        client.get("/.well-known/jwks.json"),
        client.post(f"{ACCOUNTS}/logout"),
    ]
    assert [answer.status_code for answer in answers] == [201, *[200] * 7, 204]
    for answer in answers:
        assert_as_described(document, answer)
