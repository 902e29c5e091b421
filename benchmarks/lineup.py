"""Starts the contestants and has each prove what it is before anything is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.contestants import (
    EMAIL,
    EXPECTED,
    Contestant,
    token_of_hardened,
    token_of_usual,
    with_token,
)
from benchmarks.proofs import prove_answer, prove_authentication, prove_layers

if TYPE_CHECKING:
    from benchmarks.arena import Arena
    from benchmarks.processes import Process

OURS_COUNT = "*per-client*"
"""Keys of the limit that every request of a client counts against."""

TITLES = {
    "bare": "bare FastAPI",
    "usual": "usual FastAPI stack",
    "hardened": "ours, all ten layers",
    "hardened_account": "ours, GET /accounts/me",
}


def start_hardened(arena: Arena, name: str, *, without: str | None = None) -> Process:
    """Start our service, on request with one mount left out.

    Raises:
        CommandError: it does not start.
    """
    environ = arena.hardened_environment()
    if without is not None:
        environ["BENCH_WITHOUT"] = without
    return arena.serve(name, "hardened:create", environ=environ, is_factory=True)


def _bare(arena: Arena, token: str) -> Contestant:
    process = arena.serve("bare", "bare:app")
    return Contestant("bare", process, "/answer", with_token(token), EXPECTED)


def _usual(arena: Arena) -> Contestant:
    process = arena.serve("usual", "usual:app", environ={"BENCH_REDIS_URL": arena.redis_url})
    return Contestant(
        name="usual",
        process=process,
        path="/answer",
        headers=with_token(token_of_usual(process)),
        expected=EXPECTED,
        counters="LIMITS*",
        logs=True,
    )


def _hardened(arena: Arena) -> list[Contestant]:
    arena.prepare_hardened()
    process = start_hardened(arena, "hardened")
    headers = with_token(token_of_hardened(process))
    answer = Contestant(
        name="hardened",
        process=process,
        path="/answer",
        headers=headers,
        expected=EXPECTED,
        counters=OURS_COUNT,
        logs=True,
    )
    account = Contestant(
        name="hardened_account",
        process=process,
        path="/api/v1/accounts/me",
        headers=headers,
        expected={"email": EMAIL},
        counters=OURS_COUNT,
        logs=True,
    )
    return [answer, account]


def line_up(arena: Arena) -> list[Contestant]:
    """Return the contestants, up and proved.

    Raises:
        BenchError: one does not start, does not answer or does not refuse what it should.
    """
    usual = _usual(arena)
    ours = _hardened(arena)
    token = ours[0].headers["Authorization"].removeprefix("Bearer ")
    bare = _bare(arena, token)
    for contestant in (bare, usual, *ours):
        prove_answer(contestant)
    for contestant in (usual, *ours):
        prove_authentication(contestant)
    for contestant in ours:
        prove_layers(contestant)
    return [bare, usual, *ours]
