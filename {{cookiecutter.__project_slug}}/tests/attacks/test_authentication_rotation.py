"""Attacks on layer 7 around a rotation of the signing key, on a live service that is reloaded."""

from __future__ import annotations

import os
import re
import signal
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from app.keys.service import moment_text, new_text
from app.private_files import write_private
from tests.forgery import status_with
from tests.stack import Stack, running_stack, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

JWKS = "/.well-known/jwks.json"
LOGIN = "/api/v1/accounts/login"
WORKERS = 2
MOMENT = re.compile("signs from: .+")


def file_of(stack: Stack) -> Path:
    return Path(stack.service.settings["AUTHENTICATION__PRIVATE_KEY_FILE"])


def reload(stack: Stack) -> None:
    """Let new workers read the keys, as a deployment does, and wait for the old ones to go."""
    since = stack.mark()
    os.kill(stack.pids["app"], signal.SIGHUP)
    for event in ("sys_startup", "sys_shutdown"):
        seen = partial(stack.log_lines, event=event, since=since)
        wait_until(lambda seen=seen: len(seen()) >= WORKERS, f"{event} of each worker")


def sign_from(stack: Stack, moment: float) -> None:
    """Let the newest key have signed since another moment, as if time had passed."""
    text = MOMENT.sub(f"signs from: {moment_text(moment)}", file_of(stack).read_text("ascii"))
    write_private(file_of(stack), text.encode("ascii"), replace=True)
    reload(stack)


def kid_of(token: str) -> str:
    kid: str = jwt.get_unverified_header(token)["kid"]
    return kid


def published(stack: Stack) -> list[str]:
    """Return the names of the published keys, on which all workers agree."""
    answers: list[list[dict[str, Any]]] = [
        stack.client().get(JWKS).json()["keys"] for _ in range(2 * WORKERS)
    ]
    assert all(answer == answers[0] for answer in answers)
    return [key["kid"] for key in answers[0]]


def statuses(stack: Stack, token: str) -> set[int]:
    return {status_with(stack, token) for _ in range(2 * WORKERS)}


@pytest.fixture(scope="module")
def rotating(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A service of its own: reloading it would disturb the others."""
    folder = tmp_path_factory.mktemp("rotating")
    with running_stack(folder, SERVER__WORKERS=str(WORKERS)) as stack:
        yield stack


def test_attack_a_token_of_a_retired_key_is_refused_and_those_of_its_time_were_not(
    rotating: Stack,
) -> None:
    user, client = rotating.signup(), rotating.client()
    given = {"email": user.email, "password": user.password}
    first = kid_of(user.access_token)
    assert published(rotating) == [first]

    rotating.command("app.keys", "rotate", str(file_of(rotating)))
    reload(rotating)
    names = published(rotating)
    second = names[1]
    assert names == [first, second]
    assert kid_of(client.post(LOGIN, json=given).json()["access_token"]) == first
    assert statuses(rotating, user.access_token) == {200}

    sign_from(rotating, time.time() - 10)
    fresh = client.post(LOGIN, json=given).json()["access_token"]
    assert kid_of(fresh) == second
    assert published(rotating) == [first, second]
    assert statuses(rotating, fresh) == statuses(rotating, user.access_token) == {200}

    sign_from(rotating, time.time() - 7_200)
    assert published(rotating) == [second]
    assert statuses(rotating, user.access_token) == {401}
    assert statuses(rotating, fresh) == {200}


def test_twin_a_session_outlives_the_key_of_its_first_token(rotating: Stack) -> None:
    """Refresh tokens are signed by nothing: a rotation logs nobody out."""
    user, client = rotating.signup(), rotating.client()
    write_private(file_of(rotating), new_text("RS256").encode("ascii"), replace=True)
    reload(rotating)
    assert statuses(rotating, user.access_token) == {401}
    answer = client.post("/api/v1/accounts/refresh", json={"refresh_token": user.refresh_token})
    assert answer.status_code == 200
    assert statuses(rotating, answer.json()["access_token"]) == {200}


def test_attack_the_keys_are_nowhere_in_the_logs_nor_open_to_others(rotating: Stack) -> None:
    text = file_of(rotating).read_text("ascii")
    lines = [line for line in text.splitlines() if len(line) > 40]
    assert lines
    logs = b"".join(path.read_bytes() for path in rotating.service.run.glob("*.log"))
    assert logs
    assert not any(line.encode("ascii") in logs for line in lines)
    assert file_of(rotating).stat().st_mode & 0o077 == 0
