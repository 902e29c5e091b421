"""Layer 6, validation: what a request must look like before a handler sees it.

Stops: mass assignment (unknown fields), type juggling (strict types: `{"$gt": ""}`, `"1"` and
`true` are no numbers), bodies that two parsers read differently (duplicate keys, NaN, UTF-16,
JSON sent as text), resource exhaustion (size, depth, number and length of headers and queries),
repeated and unknown query parameters, NUL bytes and lone surrogates in text.
Does not stop: a value that is valid and harmful to whoever interprets it later; queries are
parametrised where they are made, and answers are JSON, never HTML.
When its dependency is down: it has none.
Standard: OWASP ASVS 5.0 V1.3, V2.2, V4.1, V15.3; RFC 8259 §4 (names SHOULD be unique), §8.1.
"""

from __future__ import annotations

from app.layers.validation.bodies import is_json, parse_json
from app.layers.validation.common_passwords import is_common
from app.layers.validation.fields import (
    Change,
    Email,
    GivenPassword,
    Identifier,
    Line,
    Password,
    SearchText,
    SortKeys,
    StrictModel,
    Text,
    Username,
    clean_text,
    fold_email,
)
from app.layers.validation.middleware import ValidationMiddleware
from app.layers.validation.queries import check_query
from app.layers.validation.refusals import TooLarge
from app.layers.validation.routes import LaxRouteError, Router, StrictRoute, require_strict_routes
from app.layers.validation.settings import ValidationSettings

__all__ = [
    "Change",
    "Email",
    "GivenPassword",
    "Identifier",
    "LaxRouteError",
    "Line",
    "Password",
    "Router",
    "SearchText",
    "SortKeys",
    "StrictModel",
    "StrictRoute",
    "Text",
    "TooLarge",
    "Username",
    "ValidationMiddleware",
    "ValidationSettings",
    "check_query",
    "clean_text",
    "fold_email",
    "is_common",
    "is_json",
    "parse_json",
    "require_strict_routes",
]
