"""The last look at a statement before it leaves: no row of somebody else's is within its reach.

`ownership.py` scopes what goes through a session. This is for all that does not, or not quite:
Core statements, text, bulk operations, a connection taken by hand, and whatever SQLAlchemy renders
in a way that nobody thought of. It is decided from the SQL that was rendered, on every engine of
the process. What it can't see: tables behind a view, a function or a trigger of the database, an
operator or a hint that is written as text (`op()`, `with_hint()`, `with_statement_hint()`), the
driver's own connection, and objects that a session has at hand from a query for every owner.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlalchemy import DDL, Delete, Engine, Table, Update, event

from app.layers.authorization.guard import (
    OWNER,
    PRINCIPAL,
    UnscopedQueryError,
    account_of,
    is_owned,
    names_owned_table,
    owned_by_principal,
    principal_id,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import ExecutionContext

    from app.layers.authorization.guard import Account

EVERY_OWNER = "every_owner"
"""The execution option with which a statement says that it is meant for everybody's rows."""
SCOPED = "scoped_to_principal"
"""The execution option with which the session says that it saw to it."""
_INSERTS = re.compile(r"(?:WITH\b.*\)\s*)?INSERT INTO ", re.DOTALL)
"""And not `INSERT OR REPLACE`, SQLite's, or whatever else a prefix makes of it."""
_SETS_OWNER = re.compile(rf'\b{OWNER}"?=')  # a comparison has spaces around it


def is_for_every_owner(options: Mapping[str, Any]) -> bool:
    """Whether a statement says so. Only `True` says it: a text such as "false" would be true."""
    return options.get(EVERY_OWNER) is True


def _limit(
    _connection: Connection,
    statement: Any,
    multiparams: Any,
    params: Any,
    options: Mapping[str, Any],
) -> tuple[Any, Any, Any]:
    """Limit what changes rows to the principal's, such as what a flush writes."""
    if (
        isinstance(statement, Update | Delete)
        and isinstance(statement.table, Table)
        and is_owned(statement.table)
        and options.get(SCOPED) is not True
        and not is_for_every_owner(options)
    ):
        statement = statement.where(owned_by_principal(statement.table.c[OWNER]))
    return statement, multiparams, params


def _look(
    _connection: Connection,
    _cursor: Any,
    sql: str,
    _parameters: Any,
    context: ExecutionContext | None,
    _executemany: bool,  # noqa: FBT001 - SQLAlchemy passes it so
) -> None:
    """Refuse a statement that reaches further than the principal's rows.

    Raises:
        UnscopedQueryError: it does.
    """
    if context is None or is_for_every_owner(context.execution_options):
        return
    if context.compiled is None or isinstance(context.compiled.statement, DDL):
        # The dialect's own questions about tables are PRAGMAs, which return no rows of theirs.
        if names_owned_table(sql) and not sql.startswith("PRAGMA "):
            raise UnscopedQueryError(f"a text names a table whose rows belong to users: {sql}")
        return
    account = account_of(context.compiled)
    if account is None:
        return
    fault = _fault(account, sql) or _fault_of_values(account, context)
    if fault is not None:
        raise UnscopedQueryError(
            f"{fault}; write it with the mapped classes and a session, or say "
            f"execution_options({EVERY_OWNER}=True) if it is meant for everybody: {sql}"
        )


def _fault(account: Account, sql: str) -> str | None:
    """Return what is wrong with a statement as it was rendered."""
    if account.blind:
        return f"rows that belong to users, in {account.blind[0]!r}"
    if not account.reached <= account.guarded:
        return "rows that belong to users, not limited to the principal's"
    if account.reached and " FULL OUTER JOIN " in sql:
        return "a full join keeps the rows that its condition was to leave out"
    if account.reached and _SETS_OWNER.search(sql):
        return "the owner of a row does not change"
    if account.inserts and (" ON CONFLICT " in sql or not _INSERTS.match(sql)):
        return "the row in conflict may be anybody's"
    return None


def _fault_of_values(account: Account, context: Any) -> str | None:
    """Return what is wrong with the parameters: they name whose rows are meant."""
    if not account.guarded and not account.inserts:
        return None
    mine = principal_id()
    given = context.compiled_parameters
    # A caller's own parameter of this name would take its place.
    if account.guarded and any(values.get(PRINCIPAL) != mine for values in given):
        return "somebody else is given as the principal"
    if account.inserts and any(values.get(OWNER) != mine for values in given):
        return "rows for somebody else than the principal"
    return None


event.listen(Engine, "before_execute", _limit, retval=True)
event.listen(Engine, "before_cursor_execute", _look)
