"""Layer 5 with Arcjet as its provider: the real SDK in gunicorn's worker, a stub of its service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.arcjet_stub import Stub, arcjet_stub, empty_bucket, spoofed
from tests.attacks.test_bots import BROWSER, CHROME, GOOGLEBOT, JWKS, is_refused
from tests.stack import fresh_source, running_stack, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stack import Stack

TIMEOUT_SECONDS = 1.0


@pytest.fixture(scope="module")
def arcjet() -> Iterator[Stub]:
    """Arcjet's decision service."""
    with arcjet_stub() as stub:
        yield stub


@pytest.fixture(scope="module")
def asking(arcjet: Stub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The service with that provider, refusing whom Arcjet says nothing of."""
    folder = tmp_path_factory.mktemp("arcjet")
    key = folder / "arcjet-key"
    key.write_text("ajkey_made_up\n")
    settings = {
        "SERVER__WORKERS": "1",
        "BOTS__PROVIDER": "arcjet",
        "BOTS__ARCJET_KEY_FILE": str(key),
        "BOTS__ARCJET_TIMEOUT": str(TIMEOUT_SECONDS),
        "BOTS__ARCJET_ON_ERROR": "refuse",
        "ARCJET_BASE_URL": arcjet.url,  # the SDK's own
    }
    with running_stack(folder, **settings) as stack:
        yield stack


@pytest.fixture(autouse=True)
def _calm(arcjet: Stub) -> None:
    arcjet.decide = Stub("").decide
    arcjet.status = 200
    arcjet.gate.set()
    arcjet.asked.clear()


def get(stack: Stack, user_agent: str, path: str = JWKS, **headers: str) -> Any:
    return stack.client().get(path, headers={"User-Agent": user_agent, **headers})


@pytest.mark.parametrize("user_agent", ["GPTBot/1.3", "sqlmap/1.9#stable", ""])
def test_attack_a_crawler_is_refused_before_arcjet_is_asked(
    asking: Stack, arcjet: Stub, user_agent: str
) -> None:
    assert is_refused(get(asking, user_agent))
    assert arcjet.asked == []


def test_twin_a_browser_is_let_through_and_arcjet_knows_it_by_its_address(
    asking: Stack, arcjet: Stub
) -> None:
    source = fresh_source()
    client = asking.client(source)
    forged = {"X-Forwarded-For": "8.8.8.8", "X-Arcjet-Ip": "8.8.8.8", "Cookie": "session=secret"}
    sent = {"User-Agent": CHROME, **BROWSER, **forged}
    assert client.get(JWKS, headers=sent).status_code == 200
    told = arcjet.asked[0].details
    assert (told.ip, told.method, told.path) == (source, "GET", JWKS)
    assert not any(b"secret" in body or b"8.8.8.8" in body for body in arcjet.raw)


@pytest.mark.parametrize("decide", [empty_bucket, spoofed], ids=["bucket", "spoofed"])
def test_attack_whom_arcjet_denies_is_refused_and_not_told_why(
    asking: Stack, arcjet: Stub, decide: Any
) -> None:
    arcjet.decide = decide
    assert is_refused(get(asking, GOOGLEBOT))


def test_twin_an_account_is_made_and_used_with_a_library(asking: Stack) -> None:
    account = asking.signup(asking.client(headers={"User-Agent": "python-httpx/0.28.1"}))
    assert account.client.get("/api/v1/accounts/me").status_code == 200
    assert is_refused(get(asking, "python-httpx/0.28.1", "/docs"))


def test_attack_a_silent_arcjet_holds_no_worker_and_opens_no_door(
    asking: Stack, arcjet: Stub
) -> None:
    arcjet.gate.clear()  # it takes connections and says nothing
    client = asking.client(headers={"User-Agent": CHROME, **BROWSER})
    assert is_refused(client.get(JWKS))
    assert is_refused(client.get(JWKS))
    assert len(arcjet.asked) == 1  # for the second nothing was asked, so it waited for nothing
    (event,) = asking.log_lines(event="bots_degraded")
    assert event["log.level"] == "error"
    arcjet.gate.set()
    wait_until(lambda: client.get(JWKS).status_code == 200, "Arcjet to be asked again")
    asking.log_lines(event="bots_restored")
