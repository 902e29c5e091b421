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
    ),
    Mutant(
        "cors",
        "a foreign origin reaches the handler",
        LAYER,
        "return Verdict.NOT_CROSS_ORIGIN if origins[0] == own else Verdict.REFUSED",
        "return Verdict.NOT_CROSS_ORIGIN",
    ),
    Mutant(
        "cors",
        "an origin that begins like an allowed one is allowed",
        LAYER,
        "if origins[0] in allowed:",
        "if any(origins[0].startswith(known) for known in allowed):",
    ),
    Mutant(
        "cors",
        "the first of two origins counts",
        LAYER,
        "if len(origins) > 1:",
        "if len(origins) > 2:",
    ),
    Mutant(
        "cors",
        "a foreign site may write without an Origin",
        LAYER,
        'foreign = fetch_site == "cross-site" and method not in SAFE_METHODS',
        "foreign = False",
    ),
    Mutant(
        "cors",
        "caches are not told that answers differ",
        LAYER,
        '= [(b"vary", b"Origin")]',
        "= []",
    ),
)
