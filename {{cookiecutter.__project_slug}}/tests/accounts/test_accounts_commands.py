"""`python -m app.accounts`: what an operator does, and what the command says of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from alembic import command

from app.accounts.__main__ import main
from app.migrations.__main__ import alembic_config
from tests.in_process import named_database

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a database that has one account, straße@example.com as signing up would store it."""
    path = named_database(tmp_path, monkeypatch)
    command.upgrade(alembic_config(), "head")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO users (id, created_at, email, password_hash, role) VALUES (?, ?, ?, ?, ?)",
            ("0" * 32, "2026-01-01 00:00:00", "strasse@example.com", "x", "user"),
        )
    return path


def account(path: Path) -> tuple[str, bool]:
    with closing(sqlite3.connect(path)) as connection:
        role, disabled_at = connection.execute("SELECT role, disabled_at FROM users").fetchone()
    return role, disabled_at is not None


def test_an_account_is_promoted_and_demoted_however_it_is_spelt(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["promote", "STRAẞE@Example.COM"]) == 0
    assert account(database) == ("admin", False)
    assert main(["demote", "straße@example.com"]) == 0
    assert account(database) == ("user", False)
    said = capsys.readouterr().out.splitlines()
    assert "strasse@example.com is an administrator now." in said
    assert "strasse@example.com is an ordinary user now." in said


def test_an_account_is_disabled(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["disable", "strasse@example.com"]) == 0
    assert account(database) == ("user", True)
    assert "strasse@example.com is disabled" in capsys.readouterr().out


@pytest.mark.usefixtures("database")
def test_sweeping_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep"]) == 0
    assert "Sessions that had run out are deleted.\n" in capsys.readouterr().out


def test_an_unknown_account_changes_nothing(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["promote", "nobody@example.com"]) == 1
    assert account(database) == ("user", False)
    assert capsys.readouterr().err == (
        "There is no account with the e-mail address nobody@example.com.\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [["promote"], ["promote", "no address"], ["sweep", "ann@example.com"], ["delete"], []],
)
def test_what_makes_no_sense_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_settings_that_can_not_be_used_are_one_line(
    database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABSE__URL", "x")
    with pytest.raises(SystemExit) as ended:
        main(["promote", "strasse@example.com"])
    assert ended.value.code == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert account(database) == ("user", False)
