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

import json
import unicodedata
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from urllib.parse import parse_qsl

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    EmailStr,
    Field,
    StringConstraints,
)

from app.errors import Malformed, ServiceError
from app.layers import LayerSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from fastapi.dependencies.models import Dependant
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send


class ValidationSettings(LayerSettings):
    """`VALIDATION__*`. nginx enforces its own, wider bounds before these."""

    max_json_bytes: int = Field(default=65_536, ge=256)
    max_json_depth: int = Field(default=16, ge=1, le=64)
    max_query_bytes: int = Field(default=2_048, ge=64)
    max_path_bytes: int = Field(default=1_024, ge=64)
    max_headers: int = Field(default=64, ge=16)


class UnsupportedMediaType(ServiceError):
    """415: the body is not in a form that this endpoint reads."""

    status, slug, layer = 415, "unsupported-media-type", "validation"


class TooLarge(ServiceError):
    """413: the body is larger than this endpoint reads."""

    status, slug, layer = 413, "too-large", "validation"


class UriTooLong(ServiceError):
    """414: the path or the query is longer than any of ours."""

    status, slug, layer = 414, "uri-too-long", "validation"


class TooManyHeaders(ServiceError):
    """431: more header fields than any client of ours sends."""

    status, slug, layer = 431, "too-many-headers", "validation"


# --- Types: what a field may hold -----------------------------------------------------------------


def clean_text(text: str) -> str:
    """Return the text in Unicode's NFC, so that equal-looking text is equal.

    Raises:
        ValueError: it holds a NUL, another control character or a lone surrogate, which
            databases, logs and terminals each treat in their own way.
    """
    for character in text:
        if unicodedata.category(character) in {"Cc", "Cs"} and character not in "\n\t":
            raise ValueError("control characters are not allowed")
    return unicodedata.normalize("NFC", text)


def _fold_email(email: str) -> str:
    """Return the address in the one spelling that identifies an account."""
    return unicodedata.normalize("NFKC", email).casefold()


def check_password(password: str) -> str:
    """Return the password if it follows the policy.

    Raises:
        ValueError: no upper-case letter or no digit; length is bounded by the type.
    """
    if not any(character.isupper() for character in password):
        raise ValueError("needs an upper-case letter")
    if not any(character.isdigit() for character in password):
        raise ValueError("needs a digit")
    return password


Email = Annotated[EmailStr, Field(max_length=254), AfterValidator(_fold_email)]
"""An e-mail address, folded to the spelling that identifies an account."""

Password = Annotated[
    str,
    StringConstraints(min_length=10, max_length=100),
    AfterValidator(clean_text),
    AfterValidator(check_password),
]
"""A new password: 10 to 100 characters, an upper-case letter and a digit."""

Line = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, strip_whitespace=True, pattern=r"^[^\r\n]*$"),
    AfterValidator(clean_text),
]
"""One line of text, such as a title."""

Text = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(clean_text)]
"""Text of several lines."""


class StrictModel(BaseModel):
    """Base of every request body: nothing unknown, nothing coerced, the input in no error."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, str_max_length=10_000
    )


# --- Decisions: pure, no ASGI ---------------------------------------------------------------------


def _refuse_constant(_name: str) -> NoReturn:
    raise Malformed("The body holds NaN or Infinity, which JSON does not have.")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("The body names a key twice.")
    return found


def _deepest(value: Any, limit: int) -> int:
    """Return how deep the value nests, or limit + 1 as soon as it is deeper; without recursion."""
    level, depth = [value], 0
    while level and depth <= limit:
        nested: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                nested.extend(item.values())
            elif isinstance(item, list):
                nested.extend(item)
        containers = [item for item in level if isinstance(item, dict | list)]
        if not containers:
            return depth
        level, depth = nested, depth + 1
    return depth


def parse_json(body: bytes, *, max_depth: int) -> Any:
    """Return what a JSON body says, if it can be read in one way only.

    Raises:
        Malformed: not UTF-8, not JSON, a duplicate key, NaN or Infinity, or nested too deep.
    """
    try:
        text = body.decode("utf-8", errors="strict")
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise Malformed("The body is not UTF-8.") from error
    except RecursionError as error:
        raise Malformed("The body is nested too deep.") from error
    except ValueError as error:
        raise Malformed("The body is not valid JSON.") from error
    if _deepest(value, max_depth) > max_depth:
        raise Malformed("The body is nested too deep.")
    return value


def is_json(content_type: str) -> bool:
    """Whether a Content-Type says JSON in UTF-8."""
    kind, _, parameters = content_type.lower().partition(";")
    charset = parameters.replace(" ", "").removeprefix("charset=").strip('"')
    return kind.strip() == "application/json" and charset in {"", "utf-8"}


def check_query(query: str, known: frozenset[str]) -> list[dict[str, Any]]:
    """Return a finding for each repeated or unknown parameter, in pydantic's form.

    Repeated: frameworks disagree on which one counts (HTTP parameter pollution).
    """
    findings: list[dict[str, Any]] = []
    seen: set[str] = set()
    for name, _ in parse_qsl(query, keep_blank_values=True, max_num_fields=50):
        if name not in known:
            findings.append({"type": "extra_forbidden", "loc": ("query", "?"), "msg": ""})
        elif name in seen:
            findings.append({"type": "repeated", "loc": ("query", name), "msg": ""})
        seen.add(name)
    return findings


# --- Where it is applied: every request's frame, then every route's query and body ----------------


class ValidationMiddleware:
    """Bounds what stands around the body: path, query, header fields."""

    def __init__(self, app: ASGIApp, settings: ValidationSettings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a frame that is out of bounds; websockets too, since no endpoint takes them."""
        if scope["type"] == "websocket":
            raise Malformed("There are no websockets here.")
        if scope["type"] == "http":
            self._check(scope)
        await self.app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        limits = self.settings
        if len(scope["headers"]) > limits.max_headers:
            raise TooManyHeaders("There are too many header fields.")
        if len(scope["query_string"]) > limits.max_query_bytes:
            raise UriTooLong("The query is too long.")
        if len(scope["raw_path"]) > limits.max_path_bytes:
            raise UriTooLong("The path is too long.")
        if "\x00" in scope["path"]:
            raise Malformed("The path holds a NUL.")
        encodings = [value for name, value in scope["headers"] if name == b"content-encoding"]
        if any(value.strip().lower() != b"identity" for value in encodings):
            raise UnsupportedMediaType("Compressed bodies are not read.")


class StrictRequest(Request):
    """A request whose JSON body was read within its bounds, and in the one way it can be read."""

    async def read_json(self, limits: ValidationSettings) -> None:
        """Read the body before FastAPI does: it would turn each of these refusals into one 400.

        Raises:
            TooLarge: it is longer than JSON may be; the rest is not read.
            Malformed: see `parse_json`.
        """
        chunks, size = [], 0
        async for chunk in self.stream():
            size += len(chunk)
            if size > limits.max_json_bytes:
                raise TooLarge("The body is too large.")
            chunks.append(chunk)
        self.content = b"".join(chunks)
        # Without a body FastAPI says which fields are missing.
        parsed = parse_json(self.content, max_depth=limits.max_json_depth) if size else None
        self.value: Any = parsed

    async def body(self) -> bytes:
        """Return the body as it came."""
        return self.content

    async def json(self) -> Any:
        """Return what the body says."""
        return self.value


def _query_names(dependant: Dependant) -> Iterable[str]:
    for field in dependant.query_params:
        model = field.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from (info.alias or name for name, info in model.model_fields.items())
        else:
            yield field.alias
    for inner in dependant.dependencies:
        yield from _query_names(inner)


class StrictRoute(APIRoute):
    """A route that refuses unknown and repeated query parameters and bodies that are not JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler in the checks."""
        handle = super().get_route_handler()
        known = frozenset(_query_names(self.dependant))
        takes_json = self.body_field is not None

        async def handle_strictly(request: Request) -> Response:
            query: bytes = request.scope["query_string"]
            if query and (found := check_query(query.decode("latin-1"), known)):
                raise RequestValidationError(found)
            if takes_json:
                if not is_json(request.headers.get("content-type", "")):
                    raise UnsupportedMediaType("The body must be application/json in UTF-8.")
                request = StrictRequest(request.scope, request.receive)
                await request.read_json(request.app.state.settings.validation)
            return await handle(request)

        return handle_strictly


Router = partial(APIRouter, route_class=StrictRoute)
"""What every domain makes its router with."""


class LaxRouteError(Exception):
    """A route was made with a plain APIRouter: its queries and bodies would go unchecked."""


def require_strict_routes(app: FastAPI) -> None:
    """Refuse to start with a route that is not strict.

    Raises:
        LaxRouteError: with the paths of such routes.
    """
    lax = [
        context.path
        for context in iter_route_contexts(app.routes)
        if isinstance(context.original_route, APIRoute)
        and not isinstance(context.original_route, StrictRoute)
    ]
    if lax:
        raise LaxRouteError(f"use app.layers.validation.Router for {', '.join(map(str, lax))}")
