"""The calls of `make run CHECK=1` and the examples that `make run` prints: they work as printed."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from dev.run import examples
from dev.smoke import Smoke, UnexpectedAnswerError, smoke

if TYPE_CHECKING:
    from tests.stack import Stack


def test_the_service_answers_a_client_as_expected(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert smoke(stack.https_url, stack.ca_file) == 0
    said = capsys.readouterr().out
    assert "FAILED" not in said
    assert "refused: a token with a changed letter" in said


def test_an_unexpected_answer_is_noticed(stack: Stack) -> None:
    said: list[str] = []
    with pytest.raises(UnexpectedAnswerError):
        Smoke(stack.client(), said.append).expect(200, "nothing here", "GET", "/nothing")
    assert said[0].startswith("FAILED  404  nothing here, expected 200")


def test_a_service_that_is_not_there_is_noticed(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert smoke("https://localhost:1", stack.ca_file) == 1
    assert "FAILED" in capsys.readouterr().out


def test_the_printed_commands_work_when_they_are_pasted_into_a_shell(stack: Stack) -> None:
    script = "\n".join(("set -e", *examples(stack.https_url, stack.ca_file)))
    done = subprocess.run(  # noqa: S603 - the commands are under test
        ["/bin/sh", "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    decoder = json.JSONDecoder()
    account, end = decoder.raw_decode(done.stdout)
    me, _ = decoder.raw_decode(done.stdout, end)
    assert account["email"] == "you@example.com"
    assert me == account
