"""Layer 7 under attack: where a token may be, and headers that say two things."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from tests.forgery import ME, Forger, status_with
from tests.raw import Answer, ask, open_tls, request
from tests.raw_http2 import Header, Http2, get

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.stack import Stack

LOGOUT = "/api/v1/accounts/logout"


def asked(stack: Stack, *lines: str, method: str = "GET", target: str = ME) -> Answer:
    """Return the answer to a request with these header lines, byte for byte."""
    return ask(open_tls(stack), request(target, *lines, method=method))


# One header, and what it says

VALUES: dict[str, Callable[[str], str]] = {
    "nothing": lambda _: "",
    "the scheme alone": lambda _: "Bearer",
    "the token alone": lambda token: token,
    "two spaces": lambda token: f"Bearer  {token}",
    "a tab": lambda token: f"Bearer\t{token}",
    "a tab and a space": lambda token: f"Bearer \t{token}",
    "a space of another kind": lambda token: f"Bearer\xa0{token}",
    "no space": lambda token: f"Bearer{token}",
    "a colon": lambda token: f"Bearer: {token}",
    "an equals sign": lambda token: f"Bearer={token}",
    "as a parameter": lambda token: f'Bearer token="{token}"',
    "as b64token": lambda token: f"Bearer access_token={token}",
    "in quotes": lambda token: f'Bearer "{token}"',
    "in brackets": lambda token: f"Bearer <{token}>",
    "and a comma": lambda token: f"Bearer {token},",
    "and a realm": lambda token: f'Bearer {token}, realm="api"',
    "and a semicolon": lambda token: f"Bearer {token};q=1",
    "and a second token": lambda token: f"Bearer {token} {token}",
    "behind another token": lambda token: f"Bearer x {token}",
    "twice, with a comma": lambda token: f"Bearer {token}, Bearer {token}",
    "behind another scheme": lambda token: f"Basic YTpi, Bearer {token}",
    "before another scheme": lambda token: f"Bearer {token}, Basic YTpi",
    "in a list that begins empty": lambda token: f", Bearer {token}",
    "the scheme twice": lambda token: f"Bearer Bearer {token}",
    "as a password": lambda token: "Basic " + base64.b64encode(f"a:{token}".encode()).decode(),
    "as a name": lambda token: "Basic " + base64.b64encode(f"{token}:".encode()).decode(),
    "Basic": lambda token: f"Basic {token}",
    "Token": lambda token: f"Token {token}",
    "JWT": lambda token: f"JWT {token}",
    "DPoP": lambda token: f"DPoP {token}",
    "Negotiate": lambda token: f"Negotiate {token}",
    "BearerX": lambda token: f"BearerX {token}",
    "a scheme in look-alikes": lambda token: f"B\xe9arer {token}",
    "a latin letter in it": lambda token: f"Bearer {token}\xe9",
    "a soft hyphen in it": lambda token: f"Bearer \xad{token}",
    "the word null": lambda _: "Bearer null",
    "the word undefined": lambda _: "Bearer undefined",
    "a percent sign": lambda token: f"Bearer%20{token}",
}


@pytest.mark.parametrize("name", VALUES)
def test_attack_an_authorization_that_is_nearly_one(
    stack: Stack, forger: Forger, name: str
) -> None:
    """What a proxy reads one way and we another belongs to whoever sends it."""
    assert asked(stack, f"Authorization: {VALUES[name](forger.token())}").status == 401


@pytest.mark.parametrize(
    "octet", ["\0", "\x01", "\x0b", "\x1b", "\x7f"], ids=["NUL", "SOH", "VT", "ESC", "DEL"]
)
@pytest.mark.parametrize("place", ["before", "inside", "behind"])
def test_attack_a_control_character_in_it(
    stack: Stack, forger: Forger, octet: str, place: str
) -> None:
    """RFC 9110 §5.5: nobody along the way may drop it and make the value good again."""
    token = forger.token()
    value = {
        "before": f"Bearer {octet}{token}",
        "inside": f"Bearer {token[:50]}{octet}{token[50:]}",
        "behind": f"Bearer {token}{octet}",
    }[place]
    assert asked(stack, f"Authorization: {value}").status in {400, 401}


def test_attack_a_value_folded_over_two_lines(stack: Stack, forger: Forger) -> None:
    """RFC 9112 §5.2: obsolete, since readers disagree about it."""
    token = forger.token()
    for line in (f"Authorization: Bearer\r\n {token}", f"A: b\r\n Authorization: Bearer {token}"):
        assert asked(stack, line).status in {400, 401}


# More than one header

DOUBLES: dict[str, Callable[[str], list[str]]] = {
    "the same twice": lambda token: [f"Bearer {token}", f"Bearer {token}"],
    "an empty one first": lambda token: ["", f"Bearer {token}"],
    "an empty one last": lambda token: [f"Bearer {token}", ""],
    "a bad one first": lambda token: ["Bearer x", f"Bearer {token}"],
    "a bad one last": lambda token: [f"Bearer {token}", "Bearer x"],
    "another scheme first": lambda token: ["Basic YTpi", f"Bearer {token}"],
    "another scheme last": lambda token: [f"Bearer {token}", "Basic YTpi"],
    "three": lambda token: [f"Bearer {token}"] * 3,
    "halves": lambda token: ["Bearer", token],
}


@pytest.mark.parametrize("name", DOUBLES)
@pytest.mark.parametrize("other", ["Authorization", "AUTHORIZATION"])
def test_attack_two_authorization_headers(
    stack: Stack, forger: Forger, name: str, other: str
) -> None:
    """Whoever reads the other one is deceived; so nobody's counts."""
    first, *rest = DOUBLES[name](forger.token())
    lines = [f"Authorization: {first}", *(f"{other}: {value}" for value in rest)]
    assert asked(stack, *lines).status in {400, 401}


@pytest.mark.parametrize("name", DOUBLES)
def test_attack_two_authorization_headers_over_http2(
    stack: Stack, forger: Forger, name: str
) -> None:
    """Only cookies may be split in HTTP/2 (RFC 9113 §8.2.3)."""
    fields: list[Header] = [("authorization", value) for value in DOUBLES[name](forger.token())]
    with Http2(stack) as connection:
        assert connection.ask(get(ME, *fields)).status in {400, 401}


@pytest.mark.parametrize("name", ["Authorization", ":authorization", "authorization ", "author\0"])
def test_attack_a_field_name_that_http2_has_not(stack: Stack, forger: Forger, name: str) -> None:
    """RFC 9113 §8.2: lower case only; and there is no such pseudo-header."""
    with Http2(stack) as connection:
        stream = connection.ask(get(ME, (name, f"Bearer {forger.token()}")))
    assert stream.status in {0, 400, 401}


# Elsewhere

ELSEWHERE = [
    "Proxy-Authorization",
    "X-Authorization",
    "X-Forwarded-Authorization",
    "X-Original-Authorization",
    "X-Access-Token",
    "X-Auth-Token",
    "Access-Token",
    "Authentication",
    "WWW-Authenticate",
    "Sec-WebSocket-Protocol",
    "Authorization_",
    "HTTP_AUTHORIZATION",
    "Authorization-",
]


@pytest.mark.parametrize("name", ELSEWHERE)
def test_attack_a_token_in_another_header(stack: Stack, forger: Forger, name: str) -> None:
    assert asked(stack, f"{name}: Bearer {forger.token()}").status == 401


@pytest.mark.parametrize(
    "line", ["Authorization : Bearer {}", " Authorization: Bearer {}", "Authorization\0: Bearer {}"]
)
def test_attack_a_header_name_that_is_not_quite_one(
    stack: Stack, forger: Forger, line: str
) -> None:
    """RFC 9112 §5.1: a space before the colon is refused, since some drop it."""
    assert asked(stack, line.format(forger.token())).status in {400, 401}


@pytest.mark.parametrize("name", ["access_token", "token", "jwt", "session", "__Host-token"])
def test_attack_a_token_in_a_cookie(stack: Stack, forger: Forger, name: str) -> None:
    """Whatever a browser sends by itself, another site can make it send."""
    for value in (forger.token(), f"Bearer {forger.token()}"):
        assert asked(stack, f"Cookie: {name}={value}").status == 401


@pytest.mark.parametrize("name", ["access_token", "token", "authorization", "jwt"])
def test_attack_a_token_in_the_query(stack: Stack, forger: Forger, name: str) -> None:
    """RFC 9700 §4.3.2: addresses end up in logs, histories and Referer headers."""
    token = forger.token()
    answer = asked(stack, target=f"{ME}?{name}={token}")
    assert answer.status in {401, 422}  # no query belongs there either
    assert token.encode("ascii") not in answer.body
    for log in ("app", "access"):
        assert token not in stack.log_path(log).read_text("utf-8")


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json"])
def test_attack_a_token_in_the_body(stack: Stack, forger: Forger, kind: str) -> None:
    """RFC 6750 §2.2 lets a form carry it; this service has no use for that."""
    token = forger.token()
    body = f'{{"access_token":"{token}"}}' if "json" in kind else f"access_token={token}"
    answer = stack.client().post(LOGOUT, content=body, headers={"Content-Type": kind})
    assert answer.status_code == 401
    assert status_with(stack, token) == 200  # nobody was logged out


def test_attack_a_token_in_a_trailer(stack: Stack, forger: Forger) -> None:
    """RFC 9110 §6.5.1: what comes behind the body must not decide who sent it."""
    token = forger.token()
    lines = ["Transfer-Encoding: chunked", "Trailer: Authorization"]
    body = f"0\r\nAuthorization: Bearer {token}\r\n\r\n".encode("ascii")
    sent = request(LOGOUT, *lines, method="POST", body=body)
    assert ask(open_tls(stack), sent).status in {400, 401}
    assert status_with(stack, token) == 200


def test_attack_a_token_for_a_websocket(stack: Stack, forger: Forger) -> None:
    lines = ["Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    lines += ["Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]
    lines += [f"Sec-WebSocket-Protocol: bearer, {forger.token()}"]
    assert asked(stack, *lines).status == 401


# Tokens of another kind


def test_attack_a_refresh_token_where_an_access_token_belongs(stack: Stack, forger: Forger) -> None:
    assert status_with(stack, forger.account.refresh_token) == 401


def test_attack_names_and_ids_where_an_access_token_belongs(stack: Stack, forger: Forger) -> None:
    claims = forger.claims()
    for text in (claims["sub"], claims["sid"], claims["jti"], forger.account.email, "admin"):
        assert status_with(stack, text) == 401


# Twins


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_twin_the_scheme_in_any_case(stack: Stack, forger: Forger, scheme: str) -> None:
    """RFC 9110 §11.1."""
    assert asked(stack, f"Authorization: {scheme} {forger.token()}").status == 200


@pytest.mark.parametrize("line", ["AUTHORIZATION: {}", "authorization:{}", "Authorization: \t {} "])
def test_twin_one_header_however_it_is_written(stack: Stack, forger: Forger, line: str) -> None:
    """Names in any case, and blanks around the value (RFC 9110 §5.1, §5.5)."""
    assert asked(stack, line.format(f"Bearer {forger.token()}")).status == 200


def test_twin_one_header_over_http2(stack: Stack, forger: Forger) -> None:
    with Http2(stack) as connection:
        stream = connection.ask(get(ME, ("authorization", f"Bearer {forger.token()}")))
    assert stream.status == 200


def test_twin_cookies_and_other_headers_beside_it_are_no_harm(stack: Stack, forger: Forger) -> None:
    lines = [f"Authorization: Bearer {forger.token()}", "Cookie: a=b; token=x", "X-Auth-Token: x"]
    assert asked(stack, *lines).status == 200


def test_twin_an_empty_body_with_trailers_after_a_good_header(stack: Stack, forger: Forger) -> None:
    user = stack.signup()
    lines = [f"Authorization: Bearer {user.access_token}", "Transfer-Encoding: chunked"]
    sent = request(LOGOUT, *lines, method="POST", body=b"0\r\n\r\n")
    assert ask(open_tls(stack), sent).status == 204
    assert status_with(stack, user.access_token) == 401
    assert status_with(stack, forger.token()) == 200
