"""Accounts for the storms: made over the API, from as many addresses as its limits ask for."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

from benchmarks.storms import address
from benchmarks.storms.crowd import Lane, Request, require, send

if TYPE_CHECKING:
    from benchmarks.live import Ground

BLOCK = 65
SIGNUPS_OF_ONE = 10
"""An hour from one address, as the service ships."""
LOGINS_OF_ONE = 10
"""In a quarter of an hour from one address, as the service ships."""

PASSWORD = "Correct-Horse-Battery-9"  # noqa: S105 - of accounts that live for one run


def email(number: int) -> str:
    """Return the address of the account with this number."""
    return f"reader-{number}@example.com"


def login(number: int) -> Request:
    """Return a login to the account with this number."""
    account = {"email": email(number), "password": PASSWORD}
    return Request("POST", "/api/v1/accounts/login", account)


def sign_up(ground: Ground, count: int) -> None:
    """Make the accounts with the numbers below this one.

    Raises:
        BenchError: one could not be made.
    """
    lanes = [Lane(address(BLOCK, number), []) for number in range(-(-count // SIGNUPS_OF_ONE))]
    for number in range(count):
        account = {"email": email(number), "password": PASSWORD}
        lanes[number // SIGNUPS_OF_ONE].requests.append(
            Request("POST", "/api/v1/accounts/signup", account)
        )
    require(send(ground, lanes), http.client.CREATED, "a signup")


def tokens(ground: Ground, number: int, *, turn: int = 0) -> dict[str, str]:
    """Log in to the account with this number; return the tokens. Each turn has its own address.

    Raises:
        BenchError: it did not let us in.
    """
    lane = Lane(address(BLOCK, 1000 + turn), [login(number)])
    answers = send(ground, [lane])
    require(answers, http.client.OK, "a login")
    found: dict[str, str] = answers[0].body
    return found
