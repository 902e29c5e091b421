"""Layer 8, authorization. It is mounted as the dependency behind the access types."""

from __future__ import annotations

from tests.mutants.mutant import NOT_MOUNTED, Mutant

FOLDER = "app/layers/authorization"
ACCESS = "tests/attacks/test_authorization.py"
OF_NOTES = "tests/attacks/test_authorization_of_notes.py"
TESTS = "tests/layers/test_authorization"

FUNCTIONS = (
    Mutant(
        "authorization",
        NOT_MOUNTED,
        f"{FOLDER}/access.py",
        "if not may(principal, self.role, self.scope):",
        "if False:",
        first=ACCESS,
    ),
    Mutant(
        "authorization",
        "every user may do what administrators may",
        "app/accounts/endpoints.py",
        "access: AdminUser,",
        "access: CurrentUser,",
        first=f"{TESTS}.py",
    ),
    Mutant(
        "authorization",
        "an administrator's smallest token is an administrator's",
        f"{FOLDER}/access.py",
        "Depends(Authenticated(ADMIN, ADMIN))",
        "Depends(Authenticated(ADMIN))",
        first=f"{TESTS}.py",
    ),
    Mutant(
        "authorization",
        "a role that begins as another is that other",
        f"{FOLDER}/access.py",
        "principal.role == role",
        "principal.role.startswith(role)",
        first=f"{TESTS}.py",
    ),
    Mutant(
        "authorization",
        "a scope that holds another is that other",
        f"{FOLDER}/access.py",
        "scope in principal.scopes)",
        'scope in " ".join(principal.scopes))',
        first=f"{TESTS}.py",
    ),
    Mutant(
        "authorization",
        "a token is good for everything, whatever its scope",
        f"{FOLDER}/access.py",
        " and (scope is None or scope in principal.scopes)",
        "",
        first=f"{TESTS}.py",
    ),
    Mutant(
        "authorization",
        "a token for reading deletes",
        "app/notes/endpoints.py",
        "async def delete_note(database: DatabaseSession, note: NoteToWrite)",
        "async def delete_note(database: DatabaseSession, note: NoteToRead)",
        first=OF_NOTES,
    ),
    Mutant(
        "authorization",
        "a route without a policy starts",
        f"{FOLDER}/routes.py",
        "    if missing:\n",
        "    if False:\n",
        first=f"{TESTS}.py",
    ),
    Mutant(
        "authorization",
        "an account shows the hash of its password",
        "app/accounts/schemas.py",
        "    email: str | None = Field(",
        "    password_hash: str | None\n    email: str | None = Field(",
        first="tests/attacks/test_authorization_doors.py",
    ),
)

OBJECTS = (
    Mutant(
        "authorization",
        "queries are not scoped",
        f"{FOLDER}/ownership.py",
        'event.listen(Session, "do_orm_execute", _scope)\n',
        "",
        first=f"{TESTS}_reads.py",
    ),
    Mutant(
        "authorization",
        "queries are scoped to everybody else",
        f"{FOLDER}/guard.py",
        "OwnedByPrincipal(owner_id, _PRINCIPAL, operators.eq,",
        "OwnedByPrincipal(owner_id, _PRINCIPAL, operators.ne,",
        first=f"{TESTS}_reads.py",
    ),
    Mutant(
        "authorization",
        "nobody looks at a statement before it leaves",
        f"{FOLDER}/last_check.py",
        'event.listen(Engine, "before_cursor_execute", _look)\n',
        "",
        first=f"{TESTS}_last_check.py",
    ),
    Mutant(
        "authorization",
        "a text may name what belongs to users",
        f"{FOLDER}/last_check.py",
        'if names_owned_table(sql) and not sql.startswith("PRAGMA "):',
        "if False:",
        first=f"{TESTS}_last_check.py",
    ),
    Mutant(
        "authorization",
        "the owner of a row can be changed",
        f"{FOLDER}/last_check.py",
        "if account.reached and _SETS_OWNER.search(sql):",
        "if False:",
        first=f"{TESTS}_changes.py",
    ),
    Mutant(
        "authorization",
        "a caller may say who the principal is",
        f"{FOLDER}/last_check.py",
        "if account.guarded and any(",
        "if False and any(",
        first=f"{TESTS}_last_check.py",
    ),
    Mutant(
        "authorization",
        "files that are listed nowhere need no policy",
        f"{FOLDER}/routes.py",
        '        yield "* (frontend)", []\n',
        "        pass\n",
        first=f"{TESTS}.py",
    ),
    Mutant(
        "authorization",
        "a row can be made for somebody else",
        f"{FOLDER}/last_check.py",
        "if account.inserts and any(values.get(OWNER)",
        "if False and any(values.get(OWNER)",
        first=f"{TESTS}_new_rows.py",
    ),
    Mutant(
        "authorization",
        "an object can be given to somebody else",
        f"{FOLDER}/ownership.py",
        "if row.owner_id != principal_id():",
        "if False:",
        first=f"{TESTS}_new_rows.py",
    ),
    Mutant(
        "authorization",
        "an object that is at hand is anybody's",
        f"{FOLDER}/ownership.py",
        "return found.owner_id == principal_id()",
        "return True",
        first=f"{TESTS}_at_hand.py",
    ),
    Mutant(
        "authorization",
        "a word opens what is everybody's",
        f"{FOLDER}/last_check.py",
        "return options.get(EVERY_OWNER) is True",
        "return bool(options.get(EVERY_OWNER))",
        first=f"{TESTS}_reads.py",
    ),
    Mutant(
        "authorization",
        "a batch with somebody else's note deletes the others",
        "app/notes/service.py",
        "if set(gone) != wanted:",
        "if not set(gone):",
        first=OF_NOTES,
    ),
    Mutant(
        "authorization",
        "a comment is found below any note",
        "app/notes/service.py",
        "select(Comment).where(Comment.note_id == note.id, Comment.id == comment_id)",
        "select(Comment).where(Comment.id == comment_id)",
        first=OF_NOTES,
    ),
    Mutant(
        "authorization",
        "a note shows the comments on the others",
        "app/notes/service.py",
        "    query = select(Comment).where(Comment.note_id == note.id)\n",
        "    query = select(Comment)\n",
        first=OF_NOTES,
    ),
)

MUTANTS = (*FUNCTIONS, *OBJECTS)
