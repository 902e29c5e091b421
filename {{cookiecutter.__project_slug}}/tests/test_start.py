"""What keeps the service from starting is said in one place, once, and without a stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter

import app.main
from app import checks, start
from app.layers.validation import Router
from app.settings import InvalidSettingsError, load_settings
from app.start import refusals
from tests.in_process import make_settings, signing_key_pem

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read no `.env`."""
    monkeypatch.chdir(tmp_path)


def with_route(router: APIRouter, monkeypatch: pytest.MonkeyPatch) -> None:
    async def tell() -> dict[str, str]:
        return {}

    router.get("/told")(tell)
    monkeypatch.setattr(app.main, "ROUTERS", (router,))


def test_a_service_that_would_start_has_no_refusals(tmp_path: Path) -> None:
    assert refusals(make_settings(tmp_path)) == []


def test_a_misspelt_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABSE__URL", "x")
    assert refusals() == ["DATABSE__URL: no such setting; did you mean DATABASE__URL?"]


def test_a_bad_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER__WORKERS", "many")
    (line,) = refusals()
    assert line.startswith("SERVER__WORKERS: ")


def test_unsafe_production_has_a_line_for_each_finding() -> None:
    settings = load_settings({}, env_file=None)
    assert refusals(settings) == [str(finding) for finding in checks.findings(settings)]


def test_a_weak_key_says_where_it_comes_from(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, AUTHENTICATION__PRIVATE_KEY=signing_key_pem(2048))
    (line,) = refusals(settings)
    assert line.startswith("the signing key has 2048 bits; it needs 3072; AUTHENTICATION__PRIVATE_")


def test_a_route_without_an_access_type_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_route(Router(), monkeypatch)
    (line,) = refusals(make_settings(tmp_path))
    assert line.startswith("no access type in the signature of GET /told")


def test_a_plain_router_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_route(APIRouter(), monkeypatch)
    (line,) = refusals(make_settings(tmp_path))
    assert "GET /told" in line
    assert "Router from app.layers.validation" in line


def test_an_error_that_nobody_planned_for_keeps_its_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.main, "ROUTERS", (None,))
    with pytest.raises(AttributeError):
        refusals(make_settings(tmp_path))


def test_the_command_prints_the_reasons(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "developement")
    assert start.main() == 1
    assert capsys.readouterr().err.splitlines() == [
        "ENVIRONMENT: Input should be 'development' or 'production'"
    ]


def test_the_checks_tell_settings_that_can_not_be_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABSE__URL", "x")
    with pytest.raises(SystemExit) as ended:
        checks.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(InvalidSettingsError):
        load_settings()


def gunicorn_lines(folder: Path, **settings: str) -> list[dict[str, Any]]:
    """Return what gunicorn writes when it can't start, line by line."""
    done = subprocess.run(  # noqa: S603 - a command of our own
        [
            *(sys.executable, "-m", "gunicorn", "-c", str(ROOT / "gunicorn.conf.py")),
            "app.main:create_app()",
        ],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_gunicorn_tells_a_misspelt_setting_once(tmp_path: Path) -> None:
    (line,) = gunicorn_lines(tmp_path, DATABSE__URL="x")
    assert line["event.action"] == "sys_configuration_refused"
    assert line["app.reason"] == "DATABSE__URL: no such setting; did you mean DATABASE__URL?"


def test_gunicorn_tells_each_finding_once_and_starts_no_worker(tmp_path: Path) -> None:
    first, *lines = gunicorn_lines(tmp_path, ENVIRONMENT="production")
    assert first["message"].startswith("Starting gunicorn")
    found = checks.findings(load_settings({}, env_file=None))
    assert [line["app.reason"] for line in lines] == [str(finding) for finding in found]
    assert not any("error.stack_trace" in line for line in lines)


# Written past Python's streams, which are the log's by then.
HEAP = """
import gc, os, runpy
hook = runpy.run_path("gunicorn.conf.py")["post_worker_init"]
before = gc.get_freeze_count()
hook(None)
os.write(1, f"{before} {gc.get_freeze_count() > 10_000}".encode())
"""


def test_a_worker_collects_no_garbage_among_what_was_built_before_it_serves() -> None:
    done = subprocess.run(  # noqa: S603 - a command of our own
        [sys.executable, "-c", HEAP],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "ENVIRONMENT": "development"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines()[-1:] == ["0 True"]
