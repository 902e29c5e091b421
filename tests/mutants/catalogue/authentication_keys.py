"""Layer 7, authentication: the keys that verify tokens, our own and another issuer's."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

FOLDER = "app/layers/authentication"
TESTS = "tests/layers/test_authentication"
KEYS, KEY_SET, JWKS = (f"{TESTS}_{name}.py" for name in ("keys", "key_set", "jwks"))

OWN = (
    Mutant(
        "authentication",
        "a short key will do",
        f"{FOLDER}/keys.py",
        "MIN_BITS = 3072",
        "MIN_BITS = 1024",
        first=KEYS,
    ),
    Mutant(
        "authentication",
        "any key is the one that a token names",
        f"{FOLDER}/key_ring.py",
        "number = self._by_kid.get(kid)\n",
        "number = self._by_kid.get(kid, self.version)\n",
        first=f"{TESTS}_vectors.py",
    ),
    Mutant(
        "authentication",
        "a key that has retired goes on verifying",
        f"{FOLDER}/key_ring.py",
        "None if number is None or number < self.version else",
        "None if number is None else",
        first=KEYS,
    ),
    Mutant(
        "authentication",
        "a key retires while its tokens live",
        f"{FOLDER}/key_ring.py",
        "KeyRing(keys, settings.access_token_seconds + settings.clock_skew_seconds)",
        "KeyRing(keys, 0)",
        first=KEYS,
    ),
    Mutant(
        "authentication",
        "a key signs before everybody knows it",
        f"{FOLDER}/key_ring.py",
        "return self._keys[max(bisect_right(self._moments, moment) - 1, 0)]",
        "return self._keys[-1]",
        first=KEYS,
    ),
    Mutant(
        "authentication",
        "a misspelt moment of a key goes unseen",
        f"{FOLDER}/keys.py",
        "if position != len(text) or not keys:",
        "if not keys:",
        first=KEYS,
    ),
)

ANOTHERS = (
    Mutant(
        "authentication",
        "another issuer's keys count for ever",
        f"{FOLDER}/key_set.py",
        "if not self._keys or self._clock() < self._fetched + self._lifetime:",
        "if True:",
        first=KEY_SET,
    ),
    Mutant(
        "authentication",
        "another issuer's keys are gone as soon as it fails",
        f"{FOLDER}/key_set.py",
        "return self._settings.jwks_refresh_seconds + self._settings.jwks_stale_seconds",
        "return self._settings.jwks_refresh_seconds",
        first=KEY_SET,
    ),
    Mutant(
        "authentication",
        "every unknown key is a fetch",
        f"{FOLDER}/key_set.py",
        "if now < self._attempted + COOLDOWN_SECONDS:",
        "if False:",
        first=KEY_SET,
    ),
    Mutant(
        "authentication",
        "each of many strangers fetches by itself",
        f"{FOLDER}/key_set.py",
        "        if self._fetching is not None:\n            return self._fetching\n",
        "",
        first=KEY_SET,
    ),
    Mutant(
        "authentication",
        "a name that is in no set is asked for again and again",
        f"{FOLDER}/key_set.py",
        "if not self._is_missing(kid, asked) and (fetch",
        "if (fetch",
        first=KEY_SET,
    ),
    Mutant(
        "authentication",
        "whoever the issuer's address leads to chooses the keys",
        f"{FOLDER}/key_set.py",
        "follow_redirects=False,",
        "follow_redirects=True,",
        first=KEY_SET,
    ),
    Mutant(
        "authentication",
        "a set of keys without an end is read on",
        f"{FOLDER}/key_set.py",
        "if len(body) > MAX_BYTES or chunks > MAX_CHUNKS:",
        "if False:",
        first=KEY_SET,
    ),
    Mutant(
        "authentication",
        "an issuer that drips is waited for",
        f"{FOLDER}/key_set.py",
        "async with asyncio.timeout(self._settings.jwks_timeout_seconds):",
        "async with asyncio.timeout(None):",
        first=KEY_SET,
    ),
    Mutant(
        "authentication",
        "a key that was withdrawn stays",
        f"{FOLDER}/key_set.py",
        "                self._keys = keys\n",
        "                self._keys = self._keys | keys\n",
        first=KEY_SET,
    ),
    Mutant(
        "authentication",
        "what a withdrawn key verified stays remembered",
        f"{FOLDER}/key_set.py",
        "                self._version += 1\n                log_event(Event.KEYS_CHANGED",
        "                log_event(Event.KEYS_CHANGED",
        first=KEY_SET,
    ),
    Mutant(
        "authentication",
        "another issuer's weak keys count",
        f"{FOLDER}/jwks.py",
        "MIN_BITS = 2048",
        "MIN_BITS = 1024",
        first=JWKS,
    ),
    Mutant(
        "authentication",
        "a key that was published with its private half counts",
        f"{FOLDER}/jwks.py",
        "if not _PRIVATE.isdisjoint(jwk):",
        "if False:",
        first=JWKS,
    ),
    Mutant(
        "authentication",
        "a key for encryption verifies",
        f"{FOLDER}/jwks.py",
        'if jwk.get("use", "sig") != "sig" or not',
        "if not",
        first=JWKS,
    ),
    Mutant(
        "authentication",
        "a key for another algorithm verifies",
        f"{FOLDER}/jwks.py",
        'if jwk.get("alg", algorithm) != algorithm:',
        "if False:",
        first=JWKS,
    ),
    Mutant(
        "authentication",
        "of two keys of one name the first counts",
        f"{FOLDER}/jwks.py",
        "if len(several) == 1}",
        "if several}",
        first=JWKS,
    ),
    Mutant(
        "authentication",
        "a set of a thousand keys is read",
        f"{FOLDER}/jwks.py",
        "if len(listed) > MAX_KEYS:",
        "if False:",
        first=JWKS,
    ),
)

MUTANTS = (*OWN, *ANOTHERS)
