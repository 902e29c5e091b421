"""The condition that a row is the principal's, and the account of where it was rendered.

SQLAlchemy turns a statement into SQL once and keeps it. While it does, two things are noted down:
where a table stands whose rows belong to somebody, and where the condition stands that limits it to
the principal's rows. Noted is what is rendered, not what somebody meant to write, so an alias, a
subquery or an eager load can't be overlooked; `last_check.py` compares the two.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Boolean, Table, TextClause, Uuid, bindparam
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.dml import Insert
from sqlalchemy.sql.elements import BinaryExpression, ColumnClause
from sqlalchemy.sql.selectable import TableClause

from app.request_context import current

if TYPE_CHECKING:
    import uuid

    from sqlalchemy import ColumnElement
    from sqlalchemy.sql.compiler import Compiled, SQLCompiler

OWNER = "owner_id"
"""The column that says whose a row is."""
OWNED_TABLES: set[str] = set()
"""Names of the tables that have it, words in small letters; models put theirs in."""


class UnscopedQueryError(DontWrapMixin, Exception):
    """A statement reaches for rows that belong to somebody, and not only for the principal's.

    A bug, so an opaque 500 outside; nothing was sent to the database.
    """


def principal_id() -> uuid.UUID:
    """Return whose rows a statement may reach, asked when it is executed.

    Raises:
        UnscopedQueryError: there is no principal.
    """
    context = current.get()
    if context is None or context.principal is None:
        raise UnscopedQueryError(
            "a statement on rows that belong to users, and nobody is logged in here; "
            "say execution_options(every_owner=True) if it is meant for all of them"
        )
    return context.principal.user_id


class OwnedByPrincipal(BinaryExpression[bool]):
    """`owner_id = :principal`. Only this one counts as the condition: others may name anybody."""

    inherit_cache = True


PRINCIPAL = "principal__user_id"
"""One parameter for all statements, so that they are cached for everybody; its value never is."""
_PRINCIPAL = bindparam(PRINCIPAL, callable_=principal_id, type_=Uuid())


def owned_by_principal(owner_id: ColumnElement[Any]) -> OwnedByPrincipal:
    """Return the condition for this column."""
    return OwnedByPrincipal(owner_id, _PRINCIPAL, operators.eq, type_=Boolean())


@dataclass(slots=True)
class Account:
    """What was noted while one statement was rendered. A place is a SELECT, UPDATE or DELETE."""

    reached: set[tuple[int, Any]] = field(default_factory=set)
    """Places and the owned tables, or their aliases, that stand there."""
    guarded: set[tuple[int, Any]] = field(default_factory=set)
    """Places and what the condition limits there."""
    blind: list[str] = field(default_factory=list)
    """What names an owned table where nothing can be limited."""
    inserts: bool = False
    places: list[object] = field(default_factory=list)
    """Kept, since a place is known by its `id`, which would be given out again."""


_KEY = "account_of_owned_tables"


def account_of(compiled: Compiled | None) -> Account | None:
    """Return what was noted of a statement; None when it has to do with no owned table."""
    account: Account | None = getattr(compiled, _KEY, None)
    return account


def _noting(compiler: SQLCompiler) -> Account:
    account = account_of(compiler)
    if account is None:
        account = Account()
        setattr(compiler, _KEY, account)
    return account


def _place(compiler: SQLCompiler) -> int:
    if not compiler.stack:
        return 0
    place = compiler.stack[-1]["selectable"]
    _noting(compiler).places.append(place)
    return id(place)


def is_owned(table: Any) -> bool:
    """Whether the rows of this table belong to users; SQLite takes its name in any letters."""
    return str(getattr(table, "name", None)).lower() in OWNED_TABLES


def names_owned_table(sql: str) -> bool:
    """Whether a text has the name of such a table as one of its words, in any letters."""
    words = set(re.findall(r"\w+", sql.lower()))
    return not words.isdisjoint(OWNED_TABLES)


# The compiler of each dialect renders them, `Any` because SQLAlchemy leaves its visitors untyped.


@compiles(OwnedByPrincipal)
def _render_guard(element: OwnedByPrincipal, compiler: Any, **kw: Any) -> Any:
    column = cast("ColumnClause[Any]", element.left)
    _noting(compiler).guarded.add((_place(compiler), column.table))
    return compiler.visit_binary(element, **kw)


@compiles(Table)
def _render_table(table: Table, compiler: Any, **kw: Any) -> Any:
    if is_owned(table):
        alias = kw.get("enclosing_alias")
        is_its_own = alias is not None and alias.element == table
        _noting(compiler).reached.add((_place(compiler), alias if is_its_own else table))
    return compiler.visit_table(table, **kw)


@compiles(Insert)
def _render_insert(insert: Insert, compiler: Any, **kw: Any) -> Any:
    if is_owned(insert.table):
        if compiler.stack:
            _noting(compiler).blind.append("an INSERT within another statement")
        _noting(compiler).inserts = True
    return compiler.visit_insert(insert, **kw)


def _note_text(compiler: Any, text: Any) -> Any:
    """Return a piece of text; where it names an owned table, nobody can say which rows it means."""
    if names_owned_table(text):
        _noting(compiler).blind.append(text)
    return text


@compiles(TextClause)
def _render_text(element: TextClause, compiler: Any, **kw: Any) -> Any:
    return _note_text(compiler, compiler.visit_textclause(element, **kw))


@compiles(TableClause)
def _render_name(element: TableClause, compiler: Any, **kw: Any) -> Any:
    return _note_text(compiler, compiler.visit_table(element, **kw))


@compiles(ColumnClause)
def _render_column(column: ColumnClause[Any], compiler: Any, **kw: Any) -> Any:
    text = compiler.visit_column(column, **kw)
    return _note_text(compiler, text) if column.is_literal else text
