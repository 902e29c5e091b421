"""Layer 4, rate limits."""

from __future__ import annotations

from tests.mutants.mutant import NOT_MOUNTED, Mutant

FOLDER = "app/layers/rate_limits"

MUTANTS = (
    Mutant(
        "rate_limits",
        NOT_MOUNTED,
        "app/stack.py",
        '    Mount("rate_limits", RateLimitsMiddleware, "rate_limits"),\n',
        "",
    ),
    Mutant(
        "rate_limits",
        "the login has no limit of its own",
        "app/accounts/endpoints.py",
        '@issuer_router.post("/login")\n@limiter.limit(setting("login"))\n',
        '@issuer_router.post("/login")\n',
    ),
    Mutant(
        "rate_limits",
        "an account can be guessed at from many addresses",
        f"{FOLDER}/accounts.py",
        "    refuse_excess(await engine.hit(hits), event=Event.AUTHN_LOGIN_LOCK, "
        "name_hash=account)\n",
        "    await engine.hit(hits)\n",
    ),
    Mutant(
        "rate_limits",
        "a login that fails is given back",
        f"{FOLDER}/accounts.py",
        "    except failure:\n        raise\n",
        "",
    ),
    Mutant(
        "rate_limits",
        "limits are waived while Redis is down",
        f"{FOLDER}/engine.py",
        "                hit.policy.share(self._workers),\n",
        "                10**9,\n",
    ),
    Mutant(
        "rate_limits",
        "every worker lets the whole limit through while Redis is down",
        f"{FOLDER}/policies.py",
        "return -(-self.amount // workers)",
        "return self.amount",
    ),
    Mutant(
        "rate_limits",
        "a window in Redis never ends",
        f"{FOLDER}/redis_store.py",
        "            redis.call('PEXPIRE', key, window)\n",
        "",
    ),
    Mutant(
        "rate_limits",
        "every address of an IPv6 network is a client",
        f"{FOLDER}/policies.py",
        'return f"{ipaddress.IPv6Address(int(parsed) >> 64 << 64)}/64"',
        "return str(parsed)",
    ),
    Mutant(
        "rate_limits",
        "what begins like a health check is not counted",
        f"{FOLDER}/middleware.py",
        'scope["path"] in UNCOUNTED',
        'scope["path"].startswith(tuple(UNCOUNTED))',
    ),
)
