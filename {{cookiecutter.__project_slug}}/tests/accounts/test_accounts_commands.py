"""`python -m app.accounts`: what an operator does, and what the command says of it."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from alembic import command

from app.accounts.__main__ import main
from app.layers.logs.lines import application_fields
from app.migrations.__main__ import alembic_config
from dev.runner import free_port
from tests.in_process import named_database

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a database with straße@example.com, as signing up would store it, and a session."""
    path = named_database(tmp_path, monkeypatch)
    command.upgrade(alembic_config(), "head")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO users (id, created_at, email, password_hash, role) VALUES (?, ?, ?, ?, ?)",
            ("0" * 32, "2026-01-01 00:00:00", "strasse@example.com", "x", "user"),
        )
        connection.execute(
            "INSERT INTO sessions (id, created_at, user_id, expires_at) VALUES (?, ?, ?, ?)",
            ("1" * 32, "2026-01-01 00:00:00", "0" * 32, "2126-01-01 00:00:00"),
        )
    return path


def account(path: Path) -> tuple[str, bool]:
    with closing(sqlite3.connect(path)) as connection:
        role, disabled_at = connection.execute("SELECT role, disabled_at FROM users").fetchone()
    return role, disabled_at is not None


def living_sessions(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT count(*) FROM sessions WHERE revoked_at IS NULL"
        (found,) = connection.execute(query).fetchone()
    return int(found)


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


def test_an_account_is_disabled_and_enabled(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["disable", "strasse@example.com"]) == 0
    assert account(database) == ("user", True)
    assert living_sessions(database) == 0
    assert main(["enable", "strasse@example.com"]) == 0
    assert account(database) == ("user", False)
    assert living_sessions(database) == 0, "what has ended stays so"
    said = capsys.readouterr().out.splitlines()
    assert "strasse@example.com is disabled, and its sessions have ended." in said
    assert "strasse@example.com may log in again." in said


def test_disabling_twice_leaves_the_moment_of_the_first(database: Path) -> None:
    moments = []
    for _ in range(2):
        assert main(["disable", "strasse@example.com"]) == 0
        with closing(sqlite3.connect(database)) as connection:
            moments.append(connection.execute("SELECT disabled_at FROM users").fetchone())
    assert moments[0] == moments[1]


def test_all_sessions_of_an_account_are_ended(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert living_sessions(database) == 1
    assert main(["logout", "strasse@example.com"]) == 0
    assert living_sessions(database) == 0
    assert account(database) == ("user", False)
    assert "All sessions of strasse@example.com have ended." in capsys.readouterr().out


def test_all_sessions_of_all_accounts_are_ended(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["logout", "--all"]) == 0
    assert living_sessions(database) == 0
    said = capsys.readouterr()
    assert "All sessions of all accounts have ended.\n" in said.out
    assert "REDIS__URL is not set here: workers may not know for 10 s.\n" in said.err


@pytest.mark.usefixtures("database")
def test_whose_hash_stands_in_the_log_can_be_asked(capsys: pytest.CaptureFixture[str]) -> None:
    user = str(uuid.UUID(int=0))
    wanted = application_fields({"user": user})["user.hash"]
    assert main(["who", wanted]) == 0
    assert f"{user} strasse@example.com\n" in capsys.readouterr().out
    assert main(["who", "0" * 16]) == 1
    assert capsys.readouterr().err == f"There is no account with the hash {'0' * 16}.\n"


def test_a_database_without_accounts_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    named_database(tmp_path, monkeypatch)
    assert main(["disable", "ann@example.com"]) == 1
    said = capsys.readouterr().err
    assert said == "The database of DATABASE__URL can't do that: no such table: users\n"


@pytest.mark.parametrize("who", [str(uuid.UUID(int=0)), "0" * 32])
def test_an_account_is_named_by_its_id_too(database: Path, who: str) -> None:
    """Users of another issuer have no e-mail address here."""
    assert main(["promote", who]) == 0
    assert account(database) == ("admin", False)


def test_an_unknown_id_changes_nothing(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["disable", str(uuid.UUID(int=7))]) == 1
    assert account(database) == ("user", False)
    assert "There is no account with the id 00000000-" in capsys.readouterr().err


def test_when_redis_does_not_answer_it_is_done_and_said_how_long_workers_may_not_know(
    database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS__URL", f"redis://127.0.0.1:{free_port()}/0")
    assert main(["disable", "strasse@example.com"]) == 0
    assert account(database) == ("user", True)
    assert "workers may not know for 10 s" in capsys.readouterr().err


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
    [
        ["promote"],
        ["promote", "no address"],
        ["sweep", "ann@example.com"],
        ["delete"],
        [],
        ["who"],
        ["disable", "--all"],
        ["logout", "--all", "ann@example.com"],
    ],
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
