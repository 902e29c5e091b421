"""Prints, as JSON, what each layer does by itself: microseconds of CPU a request, round by round.

A layer stands before an application that gives a finished answer, and in its place, turn by turn, a
layer that does nothing. The difference is the layer's own work. It is the real class with the
service's own settings, and the requests are as nginx sends them, in the mix of `REQUESTS`.

What would flatter is left out: each request is made of fresh objects (Python keeps the hash of a
bytes object, and a server never sees the same object twice), and its client is one of a thousand.
The index of the request's headers, which the outermost layer makes for all, has a row of its own,
so that the rows add up to what the stack does. What a layer causes elsewhere is not its own work:
uvicorn spends longer on an answer with more headers. Rate limits and logs wait for Redis and a
thread; only the whole stack under load tells what they cost.

Authentication and authorization are no layers of that kind; `own_access` has them.

The clock is the thread's, so what others do on the machine counts little; the garbage collector
rests meanwhile. `nothing` against itself, the first row, is how much of a figure is noise.
"""

from __future__ import annotations

import gc
import json
import time
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from app.layers.bots import BotsSettings, Routes
from app.layers.bots.local import LocalProvider
from app.layers.bots.local.behaviour import Behaviour
from app.request_context import SCOPE_KEY, RequestContext
from app.request_headers import headers_of
from app.settings import Settings, load_settings
from app.stack import STACK
from dev.bootstrap import make_signing_key

from benchmarks.applications import own_access

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = "api.example.com"
PAGE = "https://app.example.com"
ROUNDS = 40
WARM_UP = 2
"""Rounds until Python has specialized its hot code."""
BATCH = 800
"""Requests of one side in one round: some milliseconds, between two switches of a busy machine."""
CLIENTS = 1000
INDEX = "header index"
MEASURED = ("headers", "https", "cors", "errors", "bots", "validation")

FORWARDED = {
    "Host": HOST,
    "X-Forwarded-Host": HOST,
    "X-Forwarded-Proto": "https",
    "X-Request-ID": "0123456789abcdef0123456789abcdef",
    "Accept-Encoding": "gzip, deflate, br, zstd",
}
BROWSER = {
    "User-Agent": (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/142.0.0.0 Safari/537.36"
    ),
    "Accept": "*/*",
    "Accept-Language": "en-GB,en;q=0.9",
    "Sec-CH-UA": '"Chromium";v="142", "Not_A Brand";v="99"',
    "Sec-CH-UA-Mobile": "?0",
    "Sec-CH-UA-Platform": '"Linux"',
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Dest": "empty",
    "X-TLS-Grease": "1",
}
PROGRAM = FORWARDED | {"User-Agent": "acme-sync/4.2", "Accept": "application/json"}
FROM_A_PAGE = (
    FORWARDED | BROWSER | {"Origin": PAGE, "Referer": f"{PAGE}/", "Sec-Fetch-Site": "same-site"}
)
FROM_OUR_OWN = FORWARDED | BROWSER | {"Sec-Fetch-Site": "same-origin"}
REQUESTS = (
    ("GET", PROGRAM),
    ("POST", PROGRAM | {"Content-Type": "application/json", "Content-Length": "52"}),
    ("GET", FROM_A_PAGE),
    ("POST", FROM_A_PAGE | {"Content-Type": "application/json", "Content-Length": "52"}),
    ("GET", FROM_OUR_OWN),
)
"""In equal parts: two from programs, two from an allowed page, one from a page of our own."""

ANSWER = {
    "content-length": "87",
    "content-type": "application/json",
    "ratelimit": '"per-client";r=99;t=900',
    "ratelimit-policy": '"per-client";q=100;w=900',
    "ratelimit-limit": "100",
    "ratelimit-remaining": "99",
    "ratelimit-reset": "900",
}
MARKED = ANSWER | {"vary": "Origin", "access-control-allow-origin": PAGE}
"""As the layers outside of CORS get it."""
BODY = b'{"id":"0f8fad5b-d9cb-469f-a165-70867728950e","title":"Water the plants","done":false}'


class Nothing:
    """A layer that does nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pass the request on."""
        return self.app(scope, receive, send)


def answering(headers: dict[str, str]) -> ASGIApp:
    """Return an application that gives the answer with these headers."""
    text = tuple(headers.items())

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        fresh = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in text]
        await send({"type": "http.response.start", "status": 200, "headers": fresh})
        await send({"type": "http.response.body", "body": BODY})

    return answer


@cache
def application() -> SimpleNamespace:
    """Return what stands for the application: its state, as far as the measured layers use it.

    Bots remember what every client does; the other workers are told of it in the background, which
    is left out here.
    """
    settings = BotsSettings()
    memory = Behaviour(None, size=settings.behaviour_clients)
    state = SimpleNamespace(bots=LocalProvider(settings, memory), bot_routes=Routes())
    return SimpleNamespace(state=state)


def fresh_scope(number: int, tokens: Sequence[str]) -> Scope:
    """Return a request that shares no object with any other, but for what the code itself names."""
    method, headers = REQUESTS[number % len(REQUESTS)]
    client = f"198.51.{number % CLIENTS >> 8}.{number % CLIENTS & 255}"
    lines = [
        *headers.items(),
        ("Authorization", f"Bearer {tokens[number % CLIENTS]}"),
        ("X-Forwarded-For", client),
        ("X-Real-IP", client),
    ]
    return {
        "type": "http",
        "method": method,
        "scheme": "https",  # as the https layer leaves it
        "path": "/api/v1/notes",
        "raw_path": b"/api/v1/notes",
        "query_string": b"",
        "client": ("127.0.0.1", 40_000),
        "app": application(),
        "endpoint": answering,
        "headers": [(name.lower().encode(), value.encode()) for name, value in lines],
        # The status is the logs layer's to note, and that layer is not here.
        SCOPE_KEY: RequestContext("0" * 32, client, status=200),
    }


def cpu_us(app: ASGIApp, first: int, tokens: Sequence[str], *, is_indexed: bool) -> float:
    """Return the microseconds that one request takes, over a batch of fresh ones."""
    scopes = [fresh_scope(first + number, tokens) for number in range(BATCH)]

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        del message

    async def all_of_them() -> None:
        for scope in scopes:
            await app(scope, receive, send)

    if is_indexed:
        for scope in scopes:
            headers_of(scope)
    work = all_of_them()
    started = time.thread_time_ns()
    try:
        work.send(None)
    except StopIteration:
        return (time.thread_time_ns() - started) / BATCH / 1000
    raise RuntimeError("a layer waited for something; its work can't be told from its waiting")


def difference_us(
    pair: tuple[ASGIApp, ASGIApp], number: int, tokens: Sequence[str], *, is_indexed: bool
) -> float:
    """Return how much longer the first takes; who goes first changes from round to round."""
    first = number * BATCH
    order = pair if number % 2 else pair[::-1]
    taken = {id(app): cpu_us(app, first, tokens, is_indexed=is_indexed) for app in order}
    return taken[id(pair[0])] - taken[id(pair[1])]


class IndexOnly(Nothing):
    """Makes the index of the request's headers, and nothing else."""

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Make the index and pass the request on."""
        headers_of(scope)
        return self.app(scope, receive, send)


def pairs(settings: Settings) -> dict[str, tuple[ASGIApp, ASGIApp]]:
    """Return by name what is measured, and what it is held against."""
    inside, outside = answering(ANSWER), answering(MARKED)
    found: dict[str, tuple[Any, Any]] = {
        "nothing": (Nothing(inside), Nothing(inside)),
        INDEX: (IndexOnly(inside), Nothing(inside)),
    }
    is_outside = True
    for mount in STACK:
        answer = outside if is_outside and mount.layer != "cors" else inside
        is_outside = is_outside and mount.layer != "cors"
        if mount.layer in MEASURED:
            section = {"settings": getattr(settings, mount.section)} if mount.section else {}
            found[mount.layer] = (mount.middleware(answer, **section), Nothing(answer))
    return found


def main() -> None:
    """Measure, round after round, and print all rounds."""
    environ = {"HTTPS__ALLOWED_HOSTS": HOST, "CORS__ALLOWED_ORIGINS": PAGE}
    key = make_signing_key().decode("ascii")
    settings = load_settings({**environ, "AUTHENTICATION__PRIVATE_KEY": key}, env_file=None)
    worker = own_access.warm(settings.authentication, CLIENTS)
    measured = pairs(settings) | own_access.pairs(worker)
    rounds: dict[str, list[float]] = {name: [] for name in measured}
    gc.disable()
    for number in range(WARM_UP + ROUNDS):
        worker.stay()
        for name, pair in measured.items():
            taken = difference_us(pair, number, worker.tokens, is_indexed=name != INDEX)
            rounds[name].append(taken)
        gc.collect()
    print(json.dumps({name: taken[WARM_UP:] for name, taken in rounds.items()}))


if __name__ == "__main__":
    main()
