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
    ),
    Mutant(
        "headers",
        "a page may frame us",
        LAYER,
        """.frame_ancestors("'none'")""",
        "",
    ),
    Mutant(
        "headers",
        "subdomains may be downgraded",
        LAYER,
        ".include_subdomains()",
        "",
    ),
    Mutant(
        "headers",
        "caches may keep answers",
        LAYER,
        "        cache=CacheControl().no_store(),\n",
        "",
    ),
    Mutant(
        "headers",
        "a header that stands already is sent twice",
        LAYER,
        " if item[0] not in present",
        "",
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
    ),
    Mutant(
        "headers",
        "nginx leaves its errors without headers",
        "edge/snippets/location/security-headers.conf",
        "add_header X-Content-Type-Options nosniff always;",
        "add_header X-Content-Type-Options nosniff;",
    ),
    Mutant(
        "headers",
        "what uvicorn can't parse is answered by uvicorn",
        "gunicorn.conf.py",
        '"http": protocol_with(_settings.headers),',
        '"http": "httptools",',
    ),
)
