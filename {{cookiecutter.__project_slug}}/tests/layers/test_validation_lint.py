"""Layer 6: what would run text as code is refused by `make check`, before it can be sent any.

Ruff's S rules refuse most of it, and `banned-api` in pyproject.toml what they leave out. What no
rule of Ruff's looks at is here: text that goes to the database as SQL is written out in the code.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "app").rglob("*.py"))

RAW_SQL = frozenset(
    {
        *("text", "TextClause", "literal_column", "DDL", "exec_driver_sql", "executescript"),
        *("op", "prefix_with", "suffix_with", "with_hint", "with_statement_hint"),
    }
)
"""What puts its first text into a statement as it stands."""
RUNS_SQL = frozenset({"execute", "executemany", "scalar", "scalars", "stream", "stream_scalars"})
"""What takes a statement, which may be a name; text that is put together on the spot is none."""
RULES = frozenset({"S102", "S301", "S302", "S307", "S506", "S602", "S605", "S608", "TID251"})
"""Ruff's, that refuse what `REFUSED` holds."""


def _is_built(argument: ast.expr) -> bool:
    """Whether this puts a text together: f"", +, %, format, join, replace."""
    match argument:
        case ast.JoinedStr() | ast.BinOp():
            return True
        case ast.Call(func=ast.Attribute(attr="format" | "format_map" | "join" | "replace")):
            return True
        case ast.Call(args=[inner, *_]):
            return _is_built(inner)
        case _:
            return False


def _called(call: ast.Call, aliases: dict[str, str]) -> str:
    match call.func:
        case ast.Name(id=name):
            return aliases.get(name, name)
        case ast.Attribute(attr=name):
            return name
        case _:
            return ""


def built_sql(source: str) -> list[int]:
    """Return the lines of a module where SQL is not written out, in order.

    A name given to such a function by an assignment is not followed.
    """
    tree = ast.parse(source)
    aliases = {
        name.asname: name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for name in node.names
        if name.asname
    }
    found = set()
    for call in [node for node in ast.walk(tree) if isinstance(node, ast.Call)]:
        given = [*call.args, *(keyword.value for keyword in call.keywords)][:1]
        for argument in given:
            name = _called(call, aliases)
            is_raw = name in RAW_SQL and not isinstance(argument, ast.Constant)
            if is_raw or (name in RUNS_SQL and _is_built(argument)):
                found.add(call.lineno)
    return sorted(found)


def refused_by_ruff(source: str) -> set[str]:
    """Return the rules that a module of the service would break, of those that count here."""
    done = subprocess.run(  # noqa: S603 - a list of our own
        [
            *(sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "json"),
            *("--stdin-filename", "app/example.py", "-"),
        ],
        input=source,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return {finding["code"] for finding in json.loads(done.stdout)} & RULES


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        ("S608", 'query = f"SELECT * FROM users WHERE id = {given}"'),
        ("S608", 'query = "SELECT * FROM users WHERE id = " + given'),
        ("S608", 'query = "SELECT * FROM users WHERE id = %s" % given'),
        ("S608", 'query = "DELETE FROM users WHERE id = {}".format(given)'),
        ("S608", "query = f\"UPDATE users SET role = '{given}'\""),
        ("S602", "subprocess.run(given, shell=True)"),
        ("S602", "subprocess.Popen(given, shell=True)"),
        ("S605", "os.system(given)"),
        ("S605", "os.popen(given)"),
        ("S605", "subprocess.getoutput(given)"),
        ("TID251", "asyncio.create_subprocess_shell(given)"),
        ("S307", "eval(given)"),
        ("S102", "exec(given)"),
        ("S506", "yaml.load(given, Loader=yaml.Loader)"),
        ("S506", "yaml.load(given)"),
        ("TID251", "yaml.unsafe_load(given)"),
        ("TID251", "yaml.full_load(given)"),
        ("S301", "pickle.loads(given)"),
        ("S301", "pickle.Unpickler(given)"),
        ("S302", "marshal.loads(given)"),
        ("S301", "shelve.open(given)"),
        ("TID251", "from pickle import loads"),
        ("TID251", "import marshal"),
    ],
)
def test_attack_what_runs_text_as_code_is_refused(rule: str, source: str) -> None:
    modules = "asyncio, marshal, os, pickle, shelve, subprocess, yaml"
    imports = "" if "import" in source else f"import {modules}\n"
    assert rule in refused_by_ruff(f"{imports}{source}\n")


def test_twin_what_takes_text_as_text_is_not_refused() -> None:
    source = """
import ast, json, subprocess, yaml
from sqlalchemy import text
query = text("SELECT id FROM users WHERE id = :id")
subprocess.run(["ls", given], check=True)
ast.literal_eval(given), json.loads(given), yaml.safe_load(given)
yaml.load(given, Loader=yaml.SafeLoader)
"""
    assert refused_by_ruff(source) == set()


@pytest.mark.parametrize(
    "source",
    [
        'text(f"{column} = 1")',
        "text(given)",
        "text(text=given)",
        'text("a" + given)',
        'text("a %s" % given)',
        'text("a {}".format(given))',
        "sa.text(given)",
        "from sqlalchemy import text as sql\nsql(given)",
        "literal_column(given)",
        "connection.exec_driver_sql(given)",
        'connection.execute(f"VACUUM {given}")',
        'connection.execute("VACUUM " + given)',
        'session.execute(wrapped("VACUUM {}".format(given)))',
        'cursor.executemany("%s" % given, [])',
        "select(User).prefix_with(given)",
        "User.name.op(given)(1)",
        'text("".join(given))',
    ],
)
def test_attack_sql_that_is_put_together_is_refused(source: str) -> None:
    assert built_sql(source) == [source.count("\n") + 1]


def test_twin_sql_that_is_written_out_is_taken() -> None:
    source = """
text("SELECT id FROM users " "WHERE id = :id").bindparams(id=given)
connection.exec_driver_sql("PRAGMA foreign_keys=ON")
session.execute(select(User).where(User.id == given))
session.scalars(query)
context.execute(statement, {"name": f"{given}"})
"""
    assert built_sql(source) == []


def test_all_sql_of_the_service_is_written_out() -> None:
    assert SOURCES
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in SOURCES
        for line in built_sql(path.read_text("utf-8"))
    ]
    assert found == []


def test_nowhere_in_the_service_is_such_a_rule_silenced() -> None:
    silenced = re.compile(rf"noqa(?!:)|noqa:[\w, ]*\b(?:S|TID|{'|'.join(sorted(RULES))})\b")
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in SOURCES
        for line in path.read_text("utf-8").splitlines()
        if silenced.search(line)
    ]
    assert found == []
    assert all(map(silenced.search, ("x  # noqa", "x  # noqa: A001, S608 - why", "ruff: noqa")))
    assert not silenced.search("x  # noqa: S105 - the name of an event")
