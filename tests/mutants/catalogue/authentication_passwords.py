"""Layer 7, authentication: passwords, and the turns of those that hash."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

PASSWORDS = "app/layers/authentication/passwords.py"
ACCOUNTS = "app/accounts/service.py"
TESTS = "tests/layers/test_authentication"
ATTACKS = "tests/attacks/test_authentication"

MUTANTS = (
    Mutant(
        "authentication",
        "a queue of logins has no end",
        PASSWORDS,
        "if self._waiting >= MAX_WAITING:",
        "if False:",
        first=f"{TESTS}.py",
    ),
    Mutant(
        "authentication",
        "a turn is never over",
        PASSWORDS,
        "            self._turns.release()\n",
        "            pass\n",
        first=f"{TESTS}_passwords.py",
    ),
    Mutant(
        "authentication",
        "a login waits its turn for ever",
        PASSWORDS,
        "asyncio.timeout(PATIENCE_SECONDS)",
        "asyncio.timeout(None)",
        first=f"{TESTS}_passwords.py",
    ),
    Mutant(
        "authentication",
        "hashing comes before all others' work",
        PASSWORDS,
        "            os.setpriority(os.PRIO_PROCESS, thread, lowered)\n",
        "            pass\n",
        first=f"{TESTS}_passwords.py",
    ),
    Mutant(
        "authentication",
        "a new password leaves the old sessions",
        ACCOUNTS,
        "    forgotten_at = await end_sessions(database, user.id)\n    session, token",
        "    forgotten_at = None\n    session, token",
        first=f"{ATTACKS}_accounts.py",
    ),
    Mutant(
        "authentication",
        "a password is changed by whoever holds a token",
        ACCOUNTS,
        "if not await passwords.verify(change.current_password, user.password_hash):",
        "if False:",
        first=f"{ATTACKS}_accounts.py",
    ),
    Mutant(
        "authentication",
        "a login that waits its turn holds a connection",
        ACCOUNTS,
        "    await database.commit()\n    user_id, password_hash, disabled_at,",
        "    user_id, password_hash, disabled_at,",
        first=f"{TESTS}.py",
    ),
)
