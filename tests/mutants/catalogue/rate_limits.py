"""Layer 4, rate limits. What they do for logins has a file of its own."""

from __future__ import annotations

from tests.mutants.mutant import NOT_MOUNTED, Mutant

FOLDER = "app/layers/rate_limits"
ATTACKS = "tests/attacks/test_rate_limits"
TESTS = "tests/layers/test_rate_limits"

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
        "limits are waived while Redis is down",
        f"{FOLDER}/engine.py",
        "Outcome(hit.policy, share.policy.amount, count.hits,",
        "Outcome(hit.policy, 10**9, count.hits,",
        first=f"{TESTS}_engine.py",
    ),
    Mutant(
        "rate_limits",
        "every worker lets the whole limit through while Redis is down",
        f"{FOLDER}/policies.py",
        "self._replace(amount=-(-self.amount // workers))",
        "self",
        first=f"{TESTS}_engine.py",
    ),
    Mutant(
        "rate_limits",
        "every request asks a Redis that is down",
        f"{FOLDER}/engine.py",
        "if self._shared is not None and self._recovery is None:",
        "if self._shared is not None:",
        first=f"{TESTS}_engine.py",
    ),
    Mutant(
        "rate_limits",
        "a Redis that hangs is waited for",
        f"{FOLDER}/redis_store.py",
        "asyncio.timeout(self._timeout)",
        "asyncio.timeout(None)",
        first=f"{TESTS}_deadline.py",
    ),
    Mutant(
        "rate_limits",
        "a fixed window in Redis never ends",
        f"{FOLDER}/redis_script.py",
        "        redis.call('PEXPIRE', key, left)\n",
        "",
        first=f"{TESTS}_redis.py",
    ),
    Mutant(
        "rate_limits",
        "a sliding window or a bucket in Redis never ends",
        f"{FOLDER}/redis_script.py",
        "string.format(line, ...), 'PX', math.ceil(left / 1000))",
        "string.format(line, ...))",
        first=f"{TESTS}_script.py",
    ),
    Mutant(
        "rate_limits",
        "a bucket in Redis takes what it refuses",
        f"{FOLDER}/redis_script.py",
        "        return count, over\n",
        "        keep(key, after - now, BUCKET, after, mark)\n        return count, over\n",
        first=f"{TESTS}_script.py",
    ),
    Mutant(
        "rate_limits",
        "a sliding window forgets the last one",
        f"{FOLDER}/windows.py",
        "self._last = self._hits if is_next else 0",
        "self._last = 0",
        first=f"{ATTACKS}_keys.py",
    ),
    Mutant(
        "rate_limits",
        "each key lies where it likes in a cluster",
        f"{FOLDER}/redis_store.py",
        'KEY_PREFIX = "{rate-limits}:"',
        'KEY_PREFIX = "rate-limits:"',
        first=f"{TESTS}_redis.py",
    ),
    Mutant(
        "rate_limits",
        "what is denied is denied for longer than Redis said",
        f"{FOLDER}/denied.py",
        "Denial(cost, ends, min(ends, asked + BELIEVED_SECONDS))",
        "Denial(cost, ends, asked + BELIEVED_SECONDS)",
        first=f"{TESTS}_denied.py",
    ),
    Mutant(
        "rate_limits",
        "a flood makes this worker remember without end",
        f"{FOLDER}/denied.py",
        "        if len(self._denials) >= self.max_keys:\n",
        "        if False:\n",
        first=f"{TESTS}_denied.py",
    ),
    Mutant(
        "rate_limits",
        "a client is told to come back a second too early",
        f"{FOLDER}/outcomes.py",
        "math.ceil(self.seconds_left)",
        "math.floor(self.seconds_left)",
        first=f"{TESTS}_middleware.py",
    ),
    Mutant(
        "rate_limits",
        "every address of an IPv6 network is a client",
        f"{FOLDER}/policies.py",
        'return f"{ipaddress.IPv6Address(int(parsed) >> 64 << 64)}/64"',
        "return str(parsed)",
        first=f"{ATTACKS}_keys.py",
    ),
    Mutant(
        "rate_limits",
        "what begins like a health check is not counted",
        f"{FOLDER}/middleware.py",
        'scope["path"] in UNCOUNTED',
        'scope["path"].startswith(tuple(UNCOUNTED))',
        first=f"{TESTS}_middleware.py",
    ),
    Mutant(
        "rate_limits",
        "a websocket is passed on",
        f"{FOLDER}/middleware.py",
        '        if scope["type"] == "websocket":\n',
        "        if False:\n",
        first=f"{ATTACKS}_keys.py",
    ),
)
