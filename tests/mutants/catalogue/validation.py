"""Layer 6, validation."""

from __future__ import annotations

from tests.mutants.mutant import NOT_MOUNTED, Mutant

LAYER = "app/layers/validation"

MUTANTS = (
    Mutant(
        "validation",
        NOT_MOUNTED,
        "app/stack.py",
        '    Mount("validation", ValidationMiddleware, "validation"),\n',
        "",
    ),
    Mutant(
        "validation",
        "unknown fields are taken along",
        f"{LAYER}/fields.py",
        'extra="forbid", strict=True',
        'extra="ignore", strict=True',
    ),
    Mutant(
        "validation",
        "a number in quotes is a number",
        f"{LAYER}/fields.py",
        'extra="forbid", strict=True',
        'extra="forbid", strict=False',
    ),
    Mutant(
        "validation",
        "the last of two equal keys counts",
        f"{LAYER}/bodies.py",
        "if len(found) != len(pairs):",
        "if False:",
    ),
    Mutant(
        "validation",
        "a body of any length is read",
        f"{LAYER}/routes.py",
        "if size > limits.max_json_bytes:",
        "if False:",
    ),
    Mutant(
        "validation",
        "a body may nest without end",
        f"{LAYER}/bodies.py",
        "if _deepest(value, max_depth) > max_depth:",
        "if False:",
    ),
    Mutant(
        "validation",
        "JSON may come under any name",
        f"{LAYER}/routes.py",
        'if not is_json(", ".join(request.headers.getlist("content-type"))):',
        "if False:",
    ),
    Mutant(
        "validation",
        "a query parameter may be repeated",
        f"{LAYER}/queries.py",
        "elif name in seen:",
        "elif False:",
    ),
    Mutant(
        "validation",
        "a route without checks starts",
        f"{LAYER}/routes.py",
        "    if lax:\n",
        "    if False:\n",
    ),
    Mutant(
        "validation",
        "an address is checked before it is folded",
        f"{LAYER}/fields.py",
        "examples=[EXAMPLE_EMAIL]), first(fold_email)]",
        "examples=[EXAMPLE_EMAIL]), AfterValidator(fold_email)]",
    ),
    Mutant(
        "validation",
        "a line is bounded before it grows",
        f"{LAYER}/fields.py",
        'pattern=r"^[^\\r\\n]*$"),\n    first(clean_text),',
        'pattern=r"^[^\\r\\n]*$"),\n    AfterValidator(clean_text),',
    ),
    Mutant(
        "validation",
        "a query of many parameters is an error of ours",
        f"{LAYER}/queries.py",
        "except ValueError:",
        "except KeyError:",
    ),
)
