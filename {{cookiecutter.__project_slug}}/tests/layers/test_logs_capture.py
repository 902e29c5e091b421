"""Layer 10: whatever a process writes is a line of ours. Each case runs in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 30


class Ended(NamedTuple):
    """What a process left behind."""

    code: int
    lines: list[dict[str, Any]]
    stderr: str

    def one(self, message: str) -> dict[str, Any]:
        """Return the one line with this message."""
        (line,) = [line for line in self.lines if line["message"] == message]
        return line


def ended(*arguments: str, folder: Path = ROOT) -> Ended:
    done = subprocess.run(  # noqa: S603 -- arguments of these tests
        [sys.executable, *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return Ended(done.returncode, lines, done.stderr.decode())


def run(program: str) -> Ended:
    """Run a program after `configure_logging`, twice called."""
    start = """
        from app.layers.logs import *
        configure_logging()
        configure_logging(LogsSettings(service_name="tested"))
        """
    return ended("-c", textwrap.dedent(start) + textwrap.dedent(program))


@pytest.fixture(scope="module")
def everything() -> Ended:
    """What a process writes that uses every way to write there is."""
    return run(
        """
        import gc, logging, threading, warnings
        from loguru import logger
        from app.request_context import RequestContext, current

        current.set(RequestContext("ab" * 16))
        logger.bind(access_token="SECRET-1", user="someone").info("bound {braces} {stay}")
        logger.warning("given {}", "password=SECRET-2")
        logger.debug("below the level")
        secret = "SECRET-3"
        try:
            raise ValueError(f"postgresql://app:{secret}@db")
        except ValueError:
            logger.exception("loguru failed")
            logging.getLogger("some.library").exception("library failed")
        log = logging.getLogger("some.library")
        log.info("sent %s", "Bearer abcdefgh12345678", extra={"order": 7, "color_message": "red"})
        log.debug("below the level")
        logging.getLogger("x").error("wrong %d arguments", "text")
        logging.log(25, "between")
        warnings.warn("outdated")
        threading.Thread(target=lambda: 1 / 0, name="side").start()

        class Finalized:
            def __del__(self):
                raise OSError("late")

        Finalized()
        gc.collect()
        log_event(Event.SYS_STARTUP)
        """
    )


def test_every_line_is_json_and_stderr_is_empty(everything: Ended) -> None:
    assert everything.stderr == ""
    assert len(everything.lines) == 11
    assert {line["service.name"] for line in everything.lines} == {"tested"}
    assert all(line["http.request.id"] == "ab" * 16 for line in everything.lines[:-3])


def test_no_secret_is_in_any_line(everything: Ended) -> None:
    assert "SECRET" not in json.dumps(everything.lines)
    assert "abcdefgh12345678" not in json.dumps(everything.lines)


def test_loguru_writes_what_was_bound_and_formats_no_value(everything: Ended) -> None:
    line = everything.one("bound {braces} {stay}")
    assert line["app.access_token"] == "[redacted]"
    assert line["user.hash"]
    assert line["log.level"] == "info"
    assert line["log.logger"] == "__main__"


def test_loguru_tells_of_an_error_without_its_values(everything: Ended) -> None:
    line = everything.one("loguru failed")
    assert line["error.type"] == "ValueError"
    assert "postgresql://[redacted]@db" in line["error.message"]
    assert "<module>" in line["error.stack_trace"]


def test_the_standard_library_is_heard(everything: Ended) -> None:
    assert everything.one("library failed")["error.type"] == "ValueError"
    line = everything.one("sent Bearer [redacted]")
    assert (line["log.logger"], line["app.order"]) == ("some.library", 7)
    assert "app.color_message" not in line
    assert everything.one("wrong %d arguments")["log.level"] == "error"
    assert everything.one("between")["log.level"] == "info"


def test_warnings_threads_and_finalizers_are_heard(everything: Ended) -> None:
    assert any(line.get("log.logger") == "py.warnings" for line in everything.lines)
    kinds = {line.get("error.type"): line for line in everything.lines}
    assert kinds["ZeroDivisionError"]["app.thread"] == "side"
    assert kinds["OSError"]["event.action"] == "unexpected_error"


def test_a_crash_is_a_line() -> None:
    crashed = run("raise SystemError('password=SECRET-4')")
    assert (crashed.code, crashed.stderr) == (1, "")
    (line,) = crashed.lines
    assert (line["event.action"], line["log.level"]) == ("sys_crash", "critical")
    assert "SECRET" not in json.dumps(line)


def test_an_interruption_is_no_crash() -> None:
    stopped = run("raise KeyboardInterrupt")
    assert stopped.stderr == ""
    assert stopped.lines[0]["event.action"] == "sys_shutdown"


def test_twin_a_hook_that_somebody_else_set_is_left_alone() -> None:
    hooked = ended(
        "-c",
        'import sys; sys.excepthook = lambda *crash: print(\'{"message": "mine"}\')\n'
        "from app.layers.logs import configure_logging; configure_logging(); 1 / 0",
    )
    assert hooked.lines == [{"message": "mine"}]


def test_nobody_silences_security_events() -> None:
    silenced = run(
        """
        import logging
        from loguru import logger
        configure_logging(LogsSettings(level="WARNING"))
        logger.remove()
        logger.disable("app")
        logging.disable()
        log_event(Event.AUTHN_LOGIN_SUCCESS)
        """
    )
    assert [line["event.action"] for line in silenced.lines] == ["authn_login_success"]


def test_the_level_is_for_what_libraries_write() -> None:
    quiet = run(
        """
        import logging
        from loguru import logger
        configure_logging(LogsSettings(level="WARNING"))
        logger.info("one"); logging.info("two"); logger.warning("three"); logging.warning("four")
        """
    )
    assert [line["message"] for line in quiet.lines] == ["three", "four"]


def test_the_servers_own_access_lines_are_off_and_its_other_lines_are_on() -> None:
    served = run(
        """
        import logging
        for name in ("uvicorn.access", "gunicorn.access", "uvicorn.error", "gunicorn.error"):
            own = logging.getLogger(name)
            own.addHandler(logging.StreamHandler())
            own.propagate = False
        configure_logging()
        for name in ("uvicorn.access", "gunicorn.access", "uvicorn.error", "gunicorn.error"):
            logging.getLogger(name).info(name)
        """
    )
    assert [line["message"] for line in served.lines] == ["uvicorn.error", "gunicorn.error"]
    assert served.stderr == ""


def test_what_is_printed_is_a_line_once_the_streams_are_ours() -> None:
    printed = run(
        """
        import sys
        adopt_streams()
        adopt_streams()
        print("token=SECRET-5")
        print("first", end=" "); print("half\\nsecond half", flush=True)
        print("  ", file=sys.stderr)
        print("to stderr", file=sys.stderr)
        sys.stdout.write("never ended")
        assert sys.stderr.fileno() == 2
        raise SystemExit("the last words")
        """
    )
    assert (printed.code, printed.stderr) == (1, "")
    assert {(line["log.logger"], line["log.level"], line["message"]) for line in printed.lines} == {
        ("stdout", "info", "token=[redacted]"),
        ("stdout", "info", "first half"),
        ("stdout", "info", "second half"),
        ("stderr", "error", "to stderr"),
        ("stdout", "info", "never ended"),
        ("stderr", "error", "the last words"),
    }


def test_gunicorn_that_can_not_load_its_application_writes_lines_only(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise LookupError('password=SECRET-6')\n")
    failed = ended(
        *("-m", "gunicorn", "--bind", "127.0.0.1:0", "--no-control-socket"),
        *("--worker-class", "uvicorn_worker.UvicornWorker", "--chdir", str(tmp_path)),
        *("--logger-class", "app.layers.logs.gunicorn_logger.GunicornLogger", "broken:app"),
        folder=tmp_path,
    )
    assert failed.code != 0
    assert failed.stderr == ""
    assert {"gunicorn.error", "stderr"} <= {line["log.logger"] for line in failed.lines}
    assert "LookupError" in {line.get("error.type") for line in failed.lines}
    assert "SECRET" not in json.dumps(failed.lines)
