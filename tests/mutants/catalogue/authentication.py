"""Layer 7, authentication. It is mounted as the dependency of every access type but one."""

from __future__ import annotations

from tests.mutants.mutant import NOT_MOUNTED, Mutant

FOLDER = "app/layers/authentication"
SOMEBODY = 'Principal(__import__("uuid").UUID(int=1), __import__("uuid").UUID(int=2), "user")'

MUTANTS = (
    Mutant(
        "authentication",
        NOT_MOUNTED,
        "app/layers/authorization.py",
        "Annotated[Principal, Depends(authenticate)]",
        f"Annotated[Principal, Depends(lambda: {SOMEBODY})]",
    ),
    Mutant(
        "authentication",
        "signatures are not verified",
        f"{FOLDER}/tokens.py",
        'DECODE_OPTIONS: Any = {"require": REQUIRED, ',
        'DECODE_OPTIONS: Any = {"require": REQUIRED, "verify_signature": False, ',
    ),
    Mutant(
        "authentication",
        "a token needs no end",
        f"{FOLDER}/tokens.py",
        'REQUIRED = ["aud", "exp", "iat", ',
        'REQUIRED = ["aud", "iat", ',
    ),
    Mutant(
        "authentication",
        "a token for another service is good",
        f"{FOLDER}/tokens.py",
        'DECODE_OPTIONS: Any = {"require": REQUIRED, ',
        'DECODE_OPTIONS: Any = {"require": REQUIRED, "verify_aud": False, ',
    ),
    Mutant(
        "authentication",
        "a token for another purpose is good",
        f"{FOLDER}/tokens.py",
        'header.get("typ") != TYPE or ',
        "",
    ),
    Mutant(
        "authentication",
        "a token may say how long it lives",
        f"{FOLDER}/tokens.py",
        "if expires - issued > self.settings.access_token_seconds:",
        "if False:",
    ),
    Mutant(
        "authentication",
        "a session that was ended goes on",
        f"{FOLDER}/principal.py",
        "            Session.revoked_at.is_(None),\n",
        "",
    ),
    Mutant(
        "authentication",
        "a session that has run out goes on",
        f"{FOLDER}/principal.py",
        "            Session.expires_at > utc_now(),\n",
        "",
    ),
    Mutant(
        "authentication",
        "a disabled user may go on",
        f"{FOLDER}/principal.py",
        "            User.disabled_at.is_(None),\n",
        "",
    ),
    Mutant(
        "authentication",
        "a refresh token can be used again",
        "app/accounts/service.py",
        ".where(RefreshToken.digest == digest, RefreshToken.used_at.is_(None))",
        ".where(RefreshToken.digest == digest)",
    ),
    Mutant(
        "authentication",
        "the second use of a refresh token ends nothing",
        "app/accounts/service.py",
        "        await _end_if_reused(database, digest)\n",
        "",
    ),
    Mutant(
        "authentication",
        "a short key will do",
        f"{FOLDER}/keys.py",
        "MIN_BITS = 3072",
        "MIN_BITS = 1024",
    ),
    Mutant(
        "authentication",
        "a queue of logins has no end",
        f"{FOLDER}/passwords.py",
        "if self._waiting >= MAX_WAITING:",
        "if False:",
    ),
    Mutant(
        "authentication",
        "a login that waits its turn holds a connection",
        "app/accounts/service.py",
        "    await database.commit()\n    stored =",
        "    stored =",
    ),
)
