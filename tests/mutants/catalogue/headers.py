"""Layer 2, headers."""

from __future__ import annotations

from tests.mutants.mutant import NOT_MOUNTED, Mutant

LAYER = "app/layers/headers.py"

MUTANTS = (
    Mutant(
        "headers",
        NOT_MOUNTED,
        "app/stack.py",
        '    Mount("headers", HeadersMiddleware, "headers"),\n',
        "",
        first="tests/attacks/test_headers.py",
    ),
    Mutant(
        "headers",
        "a page may frame us",
        LAYER,
        """.frame_ancestors("'none'")""",
        "",
        first="tests/layers/test_headers.py",
    ),
    Mutant(
        "headers",
        "subdomains may be downgraded",
        LAYER,
        ".include_subdomains()",
        "",
        first="tests/layers/test_headers.py",
    ),
    Mutant(
        "headers",
        "caches may keep answers",
        LAYER,
        "        cache=CacheControl().no_store(),\n",
        "",
        first="tests/layers/test_headers.py",
    ),
    Mutant(
        "headers",
        "a header that stands already is sent twice",
        LAYER,
        "kept = [item for item in given if item[0].lower() not in ours]",
        "kept = list(given)",
        first="tests/layers/test_headers.py",
    ),
    Mutant(
        "headers",
        "errors leave without headers",
        "app/stack.py",
        '    Mount("headers", HeadersMiddleware, "headers"),\n'
        '    Mount("https", HttpsMiddleware, "https"),\n'
        '    Mount("cors", CorsMiddleware, "cors"),\n'
        '    Mount("errors", ErrorBoundary, None),\n',
        '    Mount("https", HttpsMiddleware, "https"),\n'
        '    Mount("cors", CorsMiddleware, "cors"),\n'
        '    Mount("errors", ErrorBoundary, None),\n'
        '    Mount("headers", HeadersMiddleware, "headers"),\n',
        first="tests/attacks/test_headers.py",
    ),
    Mutant(
        "headers",
        "nginx leaves its errors without headers",
        "edge/snippets/location/security-headers.conf",
        "add_header X-Content-Type-Options nosniff always;",
        "add_header X-Content-Type-Options nosniff;",
        first="tests/attacks/test_headers.py",
    ),
    Mutant(
        "headers",
        "what uvicorn can't parse is answered by uvicorn",
        "gunicorn.conf.py",
        '"http": protocol_with(_settings.headers),',
        '"http": "httptools",',
    ),
    Mutant(
        "headers",
        "a route's own header wins over the policy",
        LAYER,
        "kept = [item for item in given if item[0].lower() not in ours]",
        "return [*given, *(item for item in self._items if item[0] not in dict(given))]",
    ),
    Mutant(
        "headers",
        "a route's own policy for content replaces ours",
        LAYER,
        "[worn[CSP], *own]",
        "[*own] or [worn[CSP]]",
    ),
    Mutant(
        "headers",
        "a relaxation applies to errors too",
        LAYER,
        'context.relaxations if message["status"] < _REFUSAL else ()',
        "context.relaxations",
    ),
    Mutant(
        "headers",
        "a route may name its software",
        LAYER,
        "frozenset(self.policy) | NEVER_SENT",
        "frozenset(self.policy)",
    ),
    Mutant(
        "headers",
        "a page of ours may run what was put into it",
        LAYER,
        "script-src 'self';",
        "script-src 'self' 'unsafe-inline';",
    ),
    Mutant(
        "headers",
        "browsers are asked to ship the name as HTTPS-only, unasked",
        LAYER,
        "hsts_preload: bool = False",
        "hsts_preload: bool = True",
    ),
)
