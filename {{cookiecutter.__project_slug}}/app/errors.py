"""One base error, one answer: `application/problem+json` (RFC 9457).

Whatever goes wrong leaves the service through here. An answer carries what the client needs to
mend its request and nothing else: no stack, no library's words, none of the client's own input
(which may be a password). The detail goes to the log, under the same request id.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from app.allowed_methods import allowed_methods
from app.database import is_outage
from app.layers.logs import Event, log_event, log_unexpected
from app.request_context import context_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


OPAQUE = "Something went wrong on our side; it has been recorded."


class ServiceError(Exception):
    """An error that the client is told about. Subclasses are the service's vocabulary of refusals.

    Args:
        detail: one sentence for the client, a constant of the code and never built from input.
        headers: extra response headers, such as `Retry-After`.
        errors: for validation, `{"field", "rule"}` of each finding.
    """

    status: int = 500
    slug: str = "internal-error"
    layer: str | None = None
    """The layer that refuses, for the log."""

    def __init__(
        self,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = dict(headers or {})
        self.errors = list(errors or [])


class Malformed(ServiceError):
    """400: the request is not well formed."""

    status, slug = 400, "malformed"


class NotFound(ServiceError):
    """404: no such thing, or not this client's to know of."""

    status, slug = 404, "not-found"


class Conflict(ServiceError):
    """409: the request contradicts what is stored."""

    status, slug = 409, "conflict"


class Unavailable(ServiceError):
    """503: something the request needs is down; it may be tried again."""

    status, slug = 503, "unavailable"


def problem_body(
    status: int, slug: str, detail: str, request_id: str, errors: Sequence[Mapping[str, str]] = ()
) -> bytes:
    """Return the body of a problem answer as UTF-8 JSON."""
    body: dict[str, Any] = {
        "type": f"urn:problem:{slug}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "request_id": request_id,
    }
    if errors:
        body["errors"] = errors
    return orjson.dumps(body)


def problem_response(scope: Scope, error: ServiceError) -> Response:
    """Return the answer for an error, and note in the request's context which layer refused."""
    context = context_of(scope)
    context.refused_by = error.layer or context.refused_by
    return Response(
        problem_body(error.status, error.slug, error.detail, context.request_id, error.errors),
        status_code=error.status,
        headers=error.headers,
        media_type="application/problem+json",
    )


_SLUGS = {401: "unauthenticated", 413: "too-large", 415: "unsupported-media-type"}
_DETAILS = {
    400: "The request is not well formed.",
    404: "There is nothing here.",
    405: "This method is not allowed here; see the Allow header.",
    413: "The request body is larger than this endpoint takes.",
}


class FrameworkError(ServiceError):
    """An error of Starlette or FastAPI in our shape; its own words are dropped."""

    def __init__(self, error: HTTPException) -> None:
        self.status = error.status_code
        phrase = HTTPStatus(error.status_code).phrase
        words = re.findall("[a-z]+", phrase.lower().replace("'", ""))
        self.slug = _SLUGS.get(error.status_code, "-".join(words))
        detail = _DETAILS.get(error.status_code, f"{phrase}.")
        super().__init__(detail, headers=error.headers)


class Invalid(ServiceError):
    """422: well formed, but a value breaks a rule. It names the field, never the value."""

    status, slug, layer = 422, "invalid", "validation"


def findings(error: RequestValidationError) -> list[dict[str, str]]:
    """Return `{"field", "rule"}` for each finding, without anything that the client sent.

    The name of an unknown field is the client's own text, so it is left out.
    """
    found = []
    for item in error.errors():
        location = [str(part) for part in item["loc"]]
        if item["type"] == "extra_forbidden":
            location[-1] = "(unknown field)"
        found.append({"field": ".".join(location), "rule": item["type"]})
    return found


async def _answer_service_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, ServiceError):
        raise TypeError
    return problem_response(request.scope, error)


async def _answer_framework_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise TypeError
    refusal = FrameworkError(error)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        refusal.headers["Allow"] = allowed_methods(request)
    return problem_response(request.scope, refusal)


async def _answer_invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise TypeError
    found = findings(error)
    log_event(Event.INPUT_VALIDATION_FAIL, findings=found)
    if any(item["rule"] == "json_invalid" for item in found):
        return problem_response(request.scope, Malformed("The body is not valid JSON."))
    return problem_response(request.scope, Invalid("Some values break a rule.", errors=found))


async def _answer_stale(request: Request, error: Exception) -> Response:
    del error
    return problem_response(request.scope, Conflict("It was changed or deleted meanwhile."))


async def _answer_down(request: Request, error: Exception) -> Response:
    log_unexpected(error)
    return problem_response(request.scope, Unavailable("Try again later."))


async def _answer_database(request: Request, error: Exception) -> Response:
    if not isinstance(error, DBAPIError) or not is_outage(error):
        raise error  # ours: the boundary records it
    return await _answer_down(request, error)


DATABASE_DOWN = (PoolTimeoutError, ConnectionError, TimeoutError)
"""What is raised when the database can't be reached or has no time, beside what it says itself."""


def last_resort(worn: Mapping[bytes, bytes]) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return what answers when a layer outside of the boundary itself fails.

    Starlette sends it past all layers, so it puts these headers on by its own hand. Whoever runs
    the service gets the error anyway, and logs it.
    """

    async def answer(request: Request, error: Exception) -> Response:
        del error
        response = problem_response(request.scope, ServiceError(OPAQUE))
        request_id = context_of(request.scope).request_id.encode("ascii")
        response.raw_headers += [*worn.items(), (b"x-request-id", request_id)]
        return response

    return answer


def install_error_handlers(app: FastAPI) -> None:
    """Make every error of the service, the framework and validation a problem answer."""
    app.add_exception_handler(StaleDataError, _answer_stale)
    for down in DATABASE_DOWN:
        app.add_exception_handler(down, _answer_down)
    app.add_exception_handler(DBAPIError, _answer_database)
    app.add_exception_handler(ServiceError, _answer_service_error)
    app.add_exception_handler(HTTPException, _answer_framework_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)


class ErrorBoundary:
    """Catches what nobody else did, inside the headers and CORS layers so that it wears both.

    Starlette's own ServerErrorMiddleware sits outside all user middleware: an unhandled 500 from
    there would leave naked.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a `ServiceError` as it asks, anything else as an opaque 500."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except ServiceError as error:
            if started:
                raise
            await problem_response(scope, error)(scope, receive, send)
        except ClientDisconnect:
            return  # nobody is there to be answered; the access line says so
        except Exception as error:
            log_unexpected(error)
            if started:
                raise  # the status line has left; the server closes the connection
            await problem_response(scope, ServiceError(OPAQUE))(scope, receive, send)
