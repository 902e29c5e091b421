"""What each layer costs: the whole stack against the stack without it, and the layer by itself.

Each variant is a server of its own, and all are loaded in turn with the same request. The cost of a
layer is the difference within a round. The mounts are compared on an answer that is for anyone:
what knowing the user costs, a query among it, varies by more than most of them cost. That itself,
authentication and authorization together, is `identity`: the whole stack asked for an answer that
is for users, less the whole stack asked for the one that is for anyone. Of the logs layer the part
that makes the request's context stays, since the other layers need it.

Two whole servers differ by more than most layers cost, and by what a layer causes elsewhere
(uvicorn writes ten more lines for the headers). So those that wait for nothing are also measured by
themselves, in one process: see `applications/own_work.py`.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.arena import APPLICATIONS
from benchmarks.contestants import EXPECTED, Contestant, token_of_hardened, with_token
from benchmarks.lineup import OURS_COUNT, start_hardened
from benchmarks.proofs import prove_answer

if TYPE_CHECKING:
    from benchmarks.arena import Arena


def own_work(arena: Arena) -> dict[str, list[float]]:
    """Return the microseconds that each layer takes by itself, round by round.

    Raises:
        CommandError: it can't be measured.
    """
    found: dict[str, list[float]] = json.loads(arena.run(f"{APPLICATIONS}.own_work"))
    return found


def variants(arena: Arena) -> list[Contestant]:
    """Start the full stack and one server for each mount left out; each answers.

    Raises:
        BenchError: one does not start or does not answer.
    """
    arena.prepare_hardened()
    process = start_hardened(arena, "full")
    full = Contestant(
        name="full",
        process=process,
        path="/answer",
        headers=with_token(token_of_hardened(process)),
        expected=EXPECTED,
        counters=OURS_COUNT,
        logs=True,
    )
    anyone = replace(full, name="anyone", path="/open-answer")
    mounts = arena.run(f"{APPLICATIONS}.hardened").split()
    stripped = [
        replace(
            anyone,
            name=mount,
            process=start_hardened(arena, f"without-{mount}", without=mount),
            counters=None if mount == "rate_limits" else OURS_COUNT,
            logs=mount != "logs",
        )
        for mount in mounts
    ]
    found = [full, anyone, *stripped]
    for contestant in found:
        prove_answer(contestant)
    return found
