"""Browser-based uploads: a form, and the signed policy that says what may be in it."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

from werkzeug.formparser import MultiPartParser
from werkzeug.http import parse_options_header

from dev.s3.refusals import RefusedError, denied, not_offered
from dev.s3.signature import ALGORITHM, check_scope, parse_moment

if TYPE_CHECKING:
    from dev.s3.signature import Keys

_FREE = {"file", "policy", "x-amz-signature"}
"""Fields that no condition speaks of."""
_TRIPLE = 3


@dataclass(frozen=True, slots=True)
class Form:
    """An upload form. Field names are lower case; `${filename}` in the key is filled in."""

    fields: dict[str, str]
    data: bytes


def _in_memory(
    total_content_length: int | None,
    content_type: str | None,
    filename: str | None,
    content_length: int | None = None,
) -> BytesIO:
    """Take the place of werkzeug's own factory, which would spool large files to the disk."""
    del total_content_length, content_type, filename, content_length
    return BytesIO()


def read_form(content_type: str, body: bytes) -> Form:
    """Return the form.

    Raises:
        RefusedError: no form, a field given twice, or not exactly one file.
    """
    kind, options = parse_options_header(content_type)
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise RefusedError(412, "PreconditionFailed", "The body must be multipart/form-data.")
    parser = MultiPartParser(stream_factory=_in_memory, max_form_memory_size=None)
    try:
        form, files = parser.parse(BytesIO(body), options["boundary"].encode("latin-1"), len(body))
    except (ValueError, UnicodeError):
        raise RefusedError(400, "MalformedPOSTRequest", "The form can't be read.") from None
    pairs = [(name.lower(), value) for name, value in form.items(multi=True)]
    fields = dict(pairs)
    plain = fields.pop("file", None)
    uploads = list(files.items(multi=True))
    if len(fields) + (plain is not None) != len(pairs):
        raise RefusedError(400, "InvalidArgument", "A form field is given twice.")
    if [name for name, _ in uploads] + ["file"] * (plain is not None) != ["file"]:
        raise RefusedError(400, "InvalidArgument", "POST requires exactly one file upload.")
    data = plain.encode() if plain is not None else uploads[0][1].read()
    name = (uploads[0][1].filename if uploads else "") or ""
    fields["key"] = fields.get("key", "").replace("${filename}", name)
    if not fields["key"]:
        raise RefusedError(400, "InvalidArgument", "The form has no key.")
    return Form(fields, data)


def _load(encoded: str) -> dict[str, Any]:
    try:
        policy = json.loads(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError):
        policy = None
    if not (
        isinstance(policy, dict)
        and isinstance(policy.get("expiration"), str)
        and isinstance(policy.get("conditions"), list)
    ):
        raise RefusedError(400, "InvalidPolicyDocument", "The policy can't be read.")
    return policy


def _expiration(text: str) -> datetime:
    for pattern in ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"):
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise RefusedError(400, "InvalidPolicyDocument", "The policy's expiration can't be read.")


def _triples(conditions: list[Any]) -> list[tuple[str, Any, Any]]:
    """Return the conditions in one shape: kind, field or minimum, value or maximum."""
    found: list[tuple[str, Any, Any]] = []
    for condition in conditions:
        if isinstance(condition, dict):
            found += [("eq", f"${name}", value) for name, value in condition.items()]
        elif isinstance(condition, list) and len(condition) == _TRIPLE:
            found.append((str(condition[0]).lower(), condition[1], condition[2]))
        else:
            raise RefusedError(400, "InvalidPolicyDocument", "A condition can't be read.")
    return found


def _check_length(size: int, low: Any, high: Any) -> None:
    if not (isinstance(low, int) and isinstance(high, int)):
        raise RefusedError(400, "InvalidPolicyDocument", "content-length-range takes two numbers.")
    if size < low:
        raise RefusedError(400, "EntityTooSmall", "The file is smaller than the policy allows.")
    if size > high:
        raise RefusedError(400, "EntityTooLarge", "The file is larger than the policy allows.")


def _check_condition(kind: str, name: Any, value: Any, fields: dict[str, str]) -> str:
    """Return the field that this condition allows, which holds."""
    if not (isinstance(name, str) and name.startswith("$") and isinstance(value, str)):
        raise RefusedError(400, "InvalidPolicyDocument", "A condition can't be read.")
    field = name[1:].lower()
    given = fields.get(field, "")
    if kind not in {"eq", "starts-with"}:
        raise RefusedError(400, "InvalidPolicyDocument", "A condition is of an unknown kind.")
    if not (given == value if kind == "eq" else given.startswith(value)):
        raise denied(f"Invalid according to Policy: Policy Condition failed: {kind} on {field}.")
    return field


def check_policy(form: Form, bucket: str, keys: Keys, now: datetime) -> None:
    """Verify the policy's signature, its time, and that the form is what it allows.

    Raises:
        RefusedError: any of it does not hold.
    """
    fields = form.fields
    if "policy" not in fields:
        raise denied("Anonymous requests are refused: the form has no policy.")
    if {"awsaccesskeyid", "signature"} & fields.keys() or (
        fields.get("x-amz-algorithm") != ALGORITHM
    ):
        raise RefusedError(400, "InvalidRequest", f"A form must be signed with {ALGORITHM}.")
    if "x-amz-security-token" in fields:
        raise RefusedError(400, "InvalidToken", "This server issues no session tokens.")
    if "success_action_redirect" in fields or "redirect" in fields:
        raise not_offered("redirects after an upload")
    moment = fields.get("x-amz-date", "")
    parse_moment(moment)
    day = check_scope(fields.get("x-amz-credential", ""), moment, keys)
    keys.check(day, fields["policy"].encode(), fields.get("x-amz-signature", ""))
    policy = _load(fields["policy"])
    if now >= _expiration(policy["expiration"]):
        raise denied("Invalid according to Policy: Policy expired.")
    allowed = set(_FREE)
    for kind, first, second in _triples(policy["conditions"]):
        if kind == "content-length-range":
            _check_length(len(form.data), first, second)
        else:
            allowed.add(_check_condition(kind, first, second, {**fields, "bucket": bucket}))
    extra = {name for name in fields if not name.startswith("x-ignore-")} - allowed
    if extra:
        raise denied("Invalid according to Policy: Extra input fields.")
