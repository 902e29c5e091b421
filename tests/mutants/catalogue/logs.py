"""Layer 10, logs."""

from __future__ import annotations

from tests.mutants.mutant import NOT_MOUNTED, Mutant

FOLDER = "app/layers/logs"

MUTANTS = (
    Mutant(
        "logs",
        NOT_MOUNTED,
        "app/stack.py",
        '    Mount("logs", LogsMiddleware, "logs"),\n',
        "",
        first="tests/layers/test_logs_mounted.py",
    ),
    Mutant(
        "logs",
        "nothing is redacted",
        f"{FOLDER}/redaction.py",
        "return _Redaction(limits).any(value, 0)",
        "return value",
        first="tests/layers/test_logs_capture.py",
    ),
    Mutant(
        "logs",
        "a value under a sensitive name is written",
        f"{FOLDER}/redaction.py",
        'if (hidden or (named and name == "value")) and not _is_flag(item):',
        "if False:",
        first="tests/layers/test_logs_capture.py",
    ),
    Mutant(
        "logs",
        "what is not seen in a name hides its value",
        f"{FOLDER}/redaction_keys.py",
        "for text in (bare, wide)",
        "for text in (wide,)",
        first="tests/layers/test_logs_redaction.py",
    ),
    Mutant(
        "logs",
        "tokens in running text are written",
        f"{FOLDER}/redaction_text.py",
        '_JWT = re.compile(r"eyJ',
        '_JWT = re.compile(r"never',
        first="tests/layers/test_logs_redaction_properties.py",
    ),
    Mutant(
        "logs",
        "a client may write into the request's id",
        f"{FOLDER}/middleware.py",
        "if len(ids) == 1 and _is_request_id(ids[0]):",
        "if len(ids) == 1:",
        first="tests/layers/test_logs_middleware.py",
    ),
    Mutant(
        "logs",
        "a request that fails leaves no line",
        f"{FOLDER}/middleware.py",
        "        finally:\n"
        "            current.reset(token)\n"
        "            _write_line(scope, exchange, agent)\n",
        "        finally:\n"
        "            current.reset(token)\n"
        "        _write_line(scope, exchange, agent)\n",
        first="tests/layers/test_logs_middleware.py",
    ),
    Mutant(
        "logs",
        "an account stands in the log by its id",
        f"{FOLDER}/lines.py",
        'return sha256(account.encode("utf-8", "backslashreplace")).hexdigest()[:16]',
        "return account",
        first="tests/layers/test_logs_lines.py",
    ),
    Mutant(
        "logs",
        "a line that can't be written fails the request",
        f"{FOLDER}/pipeline.py",
        "        except Exception:  # noqa: BLE001 -- a request must not fail because its log line",
        "        except ZeroDivisionError:  # because its log line",
        first="tests/layers/test_logs_lines.py",
    ),
)
