"""Layer 3, CORS."""

from __future__ import annotations

from tests.mutants.mutant import NOT_MOUNTED, Mutant

LAYER = "app/layers/cors.py"

MUTANTS = (
    Mutant(
        "cors",
        NOT_MOUNTED,
        "app/stack.py",
        '    Mount("cors", CorsMiddleware, "cors"),\n',
        "",
        first="tests/attacks/test_cors.py",
    ),
    Mutant(
        "cors",
        "a foreign origin reaches the handler",
        LAYER,
        "return Verdict.NOT_CROSS_ORIGIN if origins[0] == own else Verdict.REFUSED",
        "return Verdict.NOT_CROSS_ORIGIN",
        first="tests/layers/test_cors_guard.py",
    ),
    Mutant(
        "cors",
        "an origin that begins like an allowed one is allowed",
        LAYER,
        "if origins[0] in allowed:",
        "if any(origins[0].startswith(known) for known in allowed):",
        first="tests/layers/test_cors_guard.py",
    ),
    Mutant(
        "cors",
        "the first of two origins counts",
        LAYER,
        "if len(origins) > 1:",
        "if len(origins) > 2:",
        first="tests/layers/test_cors_guard.py",
    ),
    Mutant(
        "cors",
        "a foreign site may write without an Origin",
        LAYER,
        "return Verdict.NOT_CROSS_ORIGIN if is_ours else Verdict.REFUSED",
        "return Verdict.NOT_CROSS_ORIGIN",
        first="tests/layers/test_cors_guard.py",
    ),
    Mutant(
        "cors",
        "caches are not told that answers differ",
        LAYER,
        '    kept.append(VARY if len(kept) == len(given) else (b"vary", _joined_vary(given)))\n',
        "",
        first="tests/attacks/test_cors.py",
    ),
    Mutant(
        "cors",
        "another subdomain may write as if it were ours",
        LAYER,
        'OWN_SITES = frozenset({b"same-origin", b"none"})',
        'OWN_SITES = frozenset({b"same-origin", b"same-site", b"none"})',
    ),
    Mutant(
        "cors",
        "a preflight is granted whatever it asks for",
        LAYER,
        " and asked <= known",
        "",
    ),
    Mutant(
        "cors",
        "a route grants what it likes",
        LAYER,
        "kept = [item for item in given if item[0].lower() not in _OURS]",
        "kept = list(given)",
    ),
    Mutant(
        "cors",
        "what a refused page sent is logged as it came",
        LAYER,
        'printable(b", ".join(values))',
        'b", ".join(values).decode("latin-1")',
    ),
    Mutant(
        "cors",
        "a refusal does not say which page was refused",
        LAYER,
        "    log_event(Event.ORIGIN_REFUSED, reason=reason, **said)\n",
        "    log_event(Event.ORIGIN_REFUSED, reason=reason)\n",
    ),
    Mutant(
        "cors",
        "a wildcard may be allowed",
        LAYER,
        'rf"(https?)://({_LABEL}',
        'rf"(https?)://((?:\\*\\.)?{_LABEL}',
    ),
    Mutant(
        "cors",
        "nginx grants its answers to every page",
        "edge/snippets/http/cors.conf",
        '"${EDGE_ALLOWED_ORIGINS}";\n    default "";\n',
        '"${EDGE_ALLOWED_ORIGINS}";\n    default $http_origin;\n',
    ),
    Mutant(
        "cors",
        "nginx grants its answers to nobody",
        "edge/snippets/location/cors.conf",
        "add_header Access-Control-Allow-Origin $cors_origin always;",
        "add_header Access-Control-Allow-Origin $cors_origin;",
    ),
    Mutant(
        "cors",
        "caches are not told that nginx's answers differ",
        "edge/snippets/location/cors.conf",
        "add_header Vary Origin always;\n",
        "",
    ),
)
