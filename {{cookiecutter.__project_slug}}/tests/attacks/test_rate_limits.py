"""Layer 4 under attack: floods and guesses, from one address and many, with Redis and without."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.outages import LOST, hanging_redis, settle
from tests.stack import fresh_source

if TYPE_CHECKING:
    import httpx

    from tests.stack import Stack

LOGIN = "/api/v1/accounts/login"
SIGNUP = "/api/v1/accounts/signup"
REFRESH = "/api/v1/accounts/refresh"
ME = "/api/v1/accounts/me"
WRONG = "Wrong-password-1"


@pytest.fixture(autouse=True)
def _settled(stack: Stack) -> None:
    """Every worker counts in Redis, whatever the last test did to it: the numbers are exact."""
    settle(stack)


def is_limited(answer: httpx.Response) -> bool:
    """Whether the service itself, not the edge, refused this for its number."""
    if answer.status_code != 429:
        return False
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == "urn:problem:rate-limited"
    assert set(problem) == {"type", "title", "status", "detail", "request_id"}
    assert int(answer.headers["retry-after"]) >= 1
    return True


def use_up(client: httpx.Client, path: str = ME, number: int = 100) -> None:
    """Send as many requests as the per-client limit allows."""
    for _ in range(number):
        assert client.get(path).status_code != 429


def guess(client: httpx.Client, email: str, password: str = WRONG) -> httpx.Response:
    return client.post(LOGIN, json={"email": email, "password": password})


def test_attack_a_flood_is_stopped_at_the_hundredth_request(stack: Stack) -> None:
    client = stack.client()
    use_up(client)
    assert is_limited(client.get(ME))


def test_twin_a_client_is_told_how_much_is_left_and_may_use_it(stack: Stack) -> None:
    client = stack.client()
    for left in range(99, 79, -1):
        answer = client.get("/.well-known/jwks.json")
        assert answer.status_code == 200
        assert answer.headers["ratelimit"].startswith(f'"per-client";r={left};t=')
        assert answer.headers["ratelimit-policy"] == '"per-client";q=100;w=900'
        assert answer.headers["ratelimit-remaining"] == str(left)
        assert 1 <= int(answer.headers["ratelimit-reset"]) <= 900
        assert "retry-after" not in answer.headers


def test_attack_of_many_requests_at_once_exactly_a_hundred_pass(stack: Stack) -> None:
    client = stack.client()
    # Both workers count in one place; a count that is read before it is written lets more pass.
    with ThreadPoolExecutor(max_workers=30) as pool:
        answers = list(pool.map(lambda _: client.get(ME), range(150)))
    assert Counter(map(is_limited, answers)) == {False: 100, True: 50}


def test_attack_no_header_makes_another_client(stack: Stack) -> None:
    client = stack.client()
    use_up(client)
    names = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "X-Client-IP")
    for number, name in enumerate(names):
        value = f"203.0.113.{number}"
        value = f"for={value}" if name == "Forwarded" else value
        assert is_limited(client.get(ME, headers={name: value}))


def test_twin_another_address_is_not_held_for_it(stack: Stack) -> None:
    use_up(stack.client())
    assert stack.client().get("/.well-known/jwks.json").status_code == 200


def test_attack_a_scan_uses_up_the_limit_whatever_path_and_method(stack: Stack) -> None:
    client = stack.client()
    paths = (
        "/.env",
        "/wp-login.php",
        "/API/v1/accounts/me",
        "//api/v1/accounts/me",
        "/api%2fv1/accounts/me",
        "/",
    )
    for number in range(100):
        method = ("GET", "HEAD", "OPTIONS", "DELETE", "PATCH")[number % 5]
        assert client.request(method, paths[number % 6]).status_code != 429
    for path in (ME, "/healthz/", "/HEALTHZ", "/healthz;/api/v1/accounts/me", "/healthz%2f"):
        assert is_limited(client.get(path)), path


def test_twin_health_checks_are_never_limited(stack: Stack) -> None:
    client = stack.client()
    assert {client.get("/healthz").status_code for _ in range(120)} == {200}
    assert client.get("/.well-known/jwks.json").status_code == 200


def test_attack_trying_many_accounts_from_one_address_is_stopped_and_logged_once(
    stack: Stack,
) -> None:
    source = fresh_source()
    client = stack.client(source)
    answers = [guess(client, f"{number}@example.com") for number in range(20)]
    assert [answer.status_code for answer in answers[:10]] == [401] * 10
    assert all(map(is_limited, answers[10:]))
    fields: dict[str, Any] = {"source.ip": source}
    events = stack.log_lines(event="excess_rate_limit_exceeded", **fields)
    assert [event["app.policy"] for event in events] == ["login"]


def test_twin_a_person_who_mistypes_gets_in(stack: Stack) -> None:
    account = stack.signup()
    client = stack.client()
    for _ in range(3):
        assert guess(client, account.email).status_code == 401
    assert guess(client, account.email, account.password).status_code == 200


def test_attack_guessing_at_one_account_from_many_addresses_is_stopped(stack: Stack) -> None:
    account = stack.signup()
    spellings = (account.email, account.email.upper(), account.email.title())
    with ThreadPoolExecutor(max_workers=10) as pool:
        answers = list(
            pool.map(lambda n: guess(stack.client(), spellings[n % 3]).status_code, range(25))
        )
    assert Counter(answers) == {401: 10, 429: 15}
    # Not even the right password is told from a wrong one now.
    assert is_limited(guess(stack.client(), account.email, account.password))
    (event,) = stack.log_lines(event="authn_login_lock")
    assert account.email not in str(event)


def test_attack_an_unknown_account_is_closed_like_a_known_one(stack: Stack) -> None:
    known, unknown = stack.signup().email, "nobody-of-these-limits@example.com"
    answers = {
        email: [guess(stack.client(), email).status_code for _ in range(12)]
        for email in (known, unknown)
    }
    assert answers[known] == answers[unknown] == [401] * 10 + [429] * 2


def test_twin_other_accounts_stay_open_meanwhile(stack: Stack) -> None:
    victim, bystander = stack.signup(), stack.signup()
    for _ in range(12):
        guess(stack.client(), victim.email)
    assert guess(stack.client(), bystander.email, bystander.password).status_code == 200
    # And whoever is logged in already goes on working.
    assert victim.client.get(ME).status_code == 200


def test_twin_logging_in_often_closes_nothing(stack: Stack) -> None:
    account = stack.signup()
    for _ in range(15):
        assert guess(stack.client(), account.email, account.password).status_code == 200


def test_attack_making_accounts_in_bulk_is_stopped(stack: Stack) -> None:
    client = stack.client()
    answers = [
        client.post(
            SIGNUP, json={"email": f"bulk-{number}@example.com", "password": "Turnip-horse-7"}
        )
        for number in range(12)
    ]
    assert [answer.status_code for answer in answers[:10]] == [201] * 10
    assert all(map(is_limited, answers[10:]))


def test_attack_guessing_refresh_tokens_is_stopped(stack: Stack) -> None:
    client = stack.client()
    answers = [client.post(REFRESH, json={"refresh_token": "a" * 43}) for _ in range(32)]
    assert {answer.status_code for answer in answers[:30]} == {401}
    assert all(map(is_limited, answers[30:]))


def test_twin_a_session_can_be_kept_alive(stack: Stack) -> None:
    account = stack.signup()
    token = account.refresh_token
    for _ in range(5):
        answer = account.client.post(REFRESH, json={"refresh_token": token})
        assert answer.status_code == 200
        token = answer.json()["refresh_token"]


def _statuses(answers: list[httpx.Response]) -> Counter[Any]:
    return Counter(answer.status_code for answer in answers)


def test_attack_a_redis_that_hangs_does_not_lift_the_limits(stack: Stack) -> None:
    flooding, guessing = stack.client(), stack.client()
    with hanging_redis(stack) as since:
        answers = [flooding.get(ME) for _ in range(150)]
        flood = _statuses(answers)
        guesses = _statuses([guess(guessing, f"{number}@example.net") for number in range(20)])
    lost = [line["process.pid"] for line in stack.log_lines(event=LOST, since=since)]
    assert len(lost) == len(set(lost)), "one event a worker, not one a request"
    # Each of the two workers lets its half through; which one is asked, is up to the kernel.
    assert set(flood) == {401, 429}
    assert 50 <= flood[401] <= 100
    assert {answer.headers["ratelimit-limit"] for answer in answers} == {"50"}
    assert set(guesses) == {401, 429}
    assert 5 <= guesses[401] <= 10


def test_twin_the_service_goes_on_while_redis_hangs(stack: Stack) -> None:
    account = stack.signup()
    with hanging_redis(stack):
        assert account.client.patch(ME, json={"display_name": "a"}).status_code == 200
        assert guess(stack.client(), account.email, account.password).status_code == 200
        assert stack.client().get("/healthz").status_code == 200
    assert account.client.get(ME).status_code == 200
