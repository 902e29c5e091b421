"""Layer 7, authentication: what tokens are believed, and for how long.

It is mounted as the first thing that an access type asks for. The keys, the sessions and the
refresh tokens have files of their own beside this one.
"""

from __future__ import annotations

from tests.mutants.mutant import NOT_MOUNTED, Mutant

FOLDER = "app/layers/authentication"
ATTACKS = "tests/attacks/test_authentication"
TESTS = "tests/layers/test_authentication"
TOKENS, VECTORS, VERIFIED = (f"{TESTS}_{name}.py" for name in ("tokens", "vectors", "verified"))
SOMEBODY = (
    'Principal(*(__import__("uuid").UUID(int=number) for number in (1, 2)), "user", '
    'frozenset({"account", "notes:read", "notes:write", "files:read", "files:write"}))'
)

MUTANTS = (
    Mutant(
        "authentication",
        NOT_MOUNTED,
        "app/layers/authorization/access.py",
        "principal = await authenticate(request)",
        f"principal = {SOMEBODY}",
        first=f"{ATTACKS}.py",
    ),
    Mutant(
        "authentication",
        "signatures are not verified",
        f"{FOLDER}/tokens.py",
        'self._options: Any = {"require": required, ',
        'self._options: Any = {"require": required, "verify_signature": False, ',
        first=VECTORS,
    ),
    Mutant(
        "authentication",
        "the token says by which algorithm it is verified",
        f"{FOLDER}/tokens.py",
        """        kid = read_kid(token, self._settings.algorithm, self._settings.max_token_bytes)
        key = await self._keys.find(kid)
        if key is None or key.algorithm != self._settings.algorithm:
            raise InvalidTokenError("no such key")
        try:
            payload = self._jwt.decode_complete(
                token,
                key.key,
                algorithms=[self._settings.algorithm],
""",
        """        named = jwt.get_unverified_header(token)["alg"]
        kid = read_kid(token, named, self._settings.max_token_bytes)
        key = await self._keys.find(kid)
        if key is None:
            raise InvalidTokenError("no such key")
        try:
            payload = self._jwt.decode_complete(
                token,
                key.key,
                algorithms=[named],
""",
        first=f"{ATTACKS}_algorithms.py",
    ),
    Mutant(
        "authentication",
        "a key is used for an algorithm that it is not for",
        f"{FOLDER}/tokens.py",
        "if key is None or key.algorithm != self._settings.algorithm:",
        "if key is None:",
        first=VECTORS,
    ),
    Mutant(
        "authentication",
        "a token needs no end",
        f"{FOLDER}/tokens.py",
        'REQUIRED = ["aud", "exp", "iat", ',
        'REQUIRED = ["aud", "iat", ',
        first=TOKENS,
    ),
    Mutant(
        "authentication",
        "a token that has run out is good",
        f"{FOLDER}/tokens.py",
        'self._options: Any = {"require": required, ',
        'self._options: Any = {"require": required, "verify_exp": False, ',
        first=TOKENS,
    ),
    Mutant(
        "authentication",
        "a token for another service is good",
        f"{FOLDER}/tokens.py",
        'self._options: Any = {"require": required, ',
        'self._options: Any = {"require": required, "verify_aud": False, ',
        first=TOKENS,
    ),
    Mutant(
        "authentication",
        "a token of any issuer is good",
        f"{FOLDER}/tokens.py",
        'self._options: Any = {"require": required, ',
        'self._options: Any = {"require": required, "verify_iss": False, ',
        first=TOKENS,
    ),
    Mutant(
        "authentication",
        "clocks may differ by an hour",
        f"{FOLDER}/tokens.py",
        "leeway=self._settings.clock_skew_seconds,",
        "leeway=3_600,",
        first=TOKENS,
    ),
    Mutant(
        "authentication",
        "a token for another purpose is good",
        f"{FOLDER}/jose.py",
        "if not isinstance(kind, str) or kind.lower() not in TYPES:",
        "if False:",
        first=f"{ATTACKS}_claims.py",
    ),
    Mutant(
        "authentication",
        "a header may bring keys and extensions along",
        f"{FOLDER}/jose.py",
        "if not REFUSED_MEMBERS.isdisjoint(header):",
        "if False:",
        first=VECTORS,
    ),
    Mutant(
        "authentication",
        "a name may stand in a token twice",
        f"{FOLDER}/jose.py",
        "if len(members) < len(pairs):",
        "if False:",
        first=f"{ATTACKS}_forms.py",
    ),
    Mutant(
        "authentication",
        "a token may be padded",
        f"{FOLDER}/jose.py",
        r'r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"',
        'r".*"',
        first=f"{ATTACKS}_forms.py",
    ),
    Mutant(
        "authentication",
        "a token may be in UTF-16",
        f"{FOLDER}/jose.py",
        'raw.decode("utf-8"), object_pairs_hook',
        "raw, object_pairs_hook",
        first=f"{ATTACKS}_forms.py",
    ),
    Mutant(
        "authentication",
        "a token of any length is looked at",
        f"{FOLDER}/jose.py",
        "if len(token) > max_length:",
        "if False:",
        first=f"{ATTACKS}_envelopes.py",
    ),
    Mutant(
        "authentication",
        "a token may say how long it lives",
        f"{FOLDER}/claims.py",
        "if expires - issued > settings.longest_token_seconds:",
        "if False:",
        first=TOKENS,
    ),
    Mutant(
        "authentication",
        "a time may be a text, a fraction or a truth",
        f"{FOLDER}/claims.py",
        "if type(found) is not int:",
        "if False:",
        first=TOKENS,
    ),
    Mutant(
        "authentication",
        "a user's id has many spellings",
        f"{FOLDER}/claims.py",
        "if found is None or str(found) != text:",
        "if found is None:",
        first=f"{ATTACKS}_claims.py",
    ),
    Mutant(
        "authentication",
        "a scope may be anything",
        f"{FOLDER}/claims.py",
        "if not isinstance(found, str) or (found and _SCOPE.fullmatch(found) is None):",
        "if not isinstance(found, str):",
        first=f"{ATTACKS}_claims.py",
    ),
    Mutant(
        "authentication",
        "two issuers' users are one",
        f"{FOLDER}/claims.py",
        "uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, issuer), subject)",
        "uuid.uuid5(uuid.NAMESPACE_URL, subject)",
        first=TOKENS,
    ),
    Mutant(
        "authentication",
        "of two Authorization headers the first counts",
        f"{FOLDER}/principal.py",
        "if len(authorizations) != 1:",
        "if not authorizations:",
        first=f"{ATTACKS}_headers.py",
    ),
    Mutant(
        "authentication",
        "any scheme will do",
        f"{FOLDER}/principal.py",
        "if given[: len(SCHEME)].lower() != SCHEME or not token",
        "if not token",
        first=f"{ATTACKS}_headers.py",
    ),
    Mutant(
        "authentication",
        "what verified once is remembered past its end",
        f"{FOLDER}/verified.py",
        " or not claims.is_current(self._clock(), self._skew):",
        ":",
        first=VERIFIED,
    ),
    Mutant(
        "authentication",
        "what verified once is remembered for ever",
        f"{FOLDER}/verified.py",
        "if self._ticks() >= until or not",
        "if not",
        first=VERIFIED,
    ),
    Mutant(
        "authentication",
        "what verified once is remembered when its key is gone",
        f"{FOLDER}/verified.py",
        "            self._known.clear()\n            self._version",
        "            self._version",
        first=VERIFIED,
    ),
    Mutant(
        "authentication",
        "what verified once is remembered without its signature",
        f"{FOLDER}/verified.py",
        'token.encode("utf-8", "surrogatepass")',
        'token.rpartition(".")[0].encode("utf-8", "surrogatepass")',
        first=f"{ATTACKS}.py",
    ),
    Mutant(
        "authentication",
        "memory of tokens has no bound",
        f"{FOLDER}/verified.py",
        "if len(self._known) >= MAX_TOKENS:",
        "if False:",
        first=VERIFIED,
    ),
    Mutant(
        "authentication",
        "a refusal says why",
        f"{FOLDER}/principal.py",
        "raise unauthenticated(request) from error",
        "raise Unauthenticated(str(error)) from error",
        first=f"{ATTACKS}_answers.py",
    ),
    Mutant(
        "authentication",
        "whoever sent no token is told of an error",
        f"{FOLDER}/challenges.py",
        """error = ('error="invalid_token"',) if sent_one else ()""",
        """error = ('error="invalid_token"',)""",
        first=f"{TESTS}_challenges.py",
    ),
    Mutant(
        "authentication",
        "clients are sent for tokens to whatever host they name",
        f"{FOLDER}/challenges.py",
        "host_of(request.scope, request.app.state.settings.https.allowed_hosts)",
        'request.headers["host"]',
        first=f"{TESTS}_challenges.py",
    ),
)
