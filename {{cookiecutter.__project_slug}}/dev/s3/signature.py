"""AWS Signature Version 4: in the Authorization header, in a presigned URL, under a POST policy."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from dev.s3.incoming import canonical_query
from dev.s3.refusals import RefusedError, denied

if TYPE_CHECKING:
    from dev.s3.incoming import Incoming, Pairs

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_SKEW = timedelta(minutes=15)
MAX_PRESIGNED_SECONDS = 7 * 24 * 60 * 60
AUTH_PARAMETERS = frozenset(
    f"X-Amz-{name}"
    for name in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
)
_HEADER = re.compile(
    rf"{ALGORITHM} Credential=(?P<credential>[^,\s]+),\s*"
    r"SignedHeaders=(?P<signed>[a-z0-9;.-]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)


def _other_mechanism() -> RefusedError:
    return RefusedError(
        400, "InvalidRequest", f"This authorization mechanism is not supported; use {ALGORITHM}."
    )


@dataclass(frozen=True, slots=True)
class Keys:
    """The one pair of keys this server knows, and the region it claims to be in."""

    access_key_id: str
    region: str
    secret: str = field(repr=False)

    def sign(self, day: str, text: bytes) -> str:
        """Return the hexadecimal signature of a text under the key of this day."""
        key = f"AWS4{self.secret}".encode()
        for part in (day, self.region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.digest(key, text, "sha256").hex()

    def check(self, day: str, text: bytes, signature: str) -> None:
        """Compare in constant time.

        Raises:
            RefusedError: another secret, or another text, was signed.
        """
        if not hmac.compare_digest(self.sign(day, text), signature):
            raise RefusedError(403, "SignatureDoesNotMatch", "Check your secret and what you sign.")


class _Claim(NamedTuple):
    """What a request says about its own signature."""

    credential: str
    moment: str
    signed: str
    signature: str


def parse_moment(text: str | None) -> datetime:
    """Return the time of an `X-Amz-Date`."""
    if text is None or re.fullmatch(r"[0-9]{8}T[0-9]{6}Z", text) is None:
        raise denied("A request needs a valid x-amz-date.")
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise denied("A request needs a valid x-amz-date.") from None


def check_scope(credential: str, moment: str, keys: Keys) -> str:
    """Return the day of a credential `key/day/region/s3/aws4_request`.

    Raises:
        RefusedError: it names another key, day, region or service.
    """
    access_key_id, _, scope = credential.partition("/")
    if not hmac.compare_digest(access_key_id.encode(), keys.access_key_id.encode()):
        raise RefusedError(403, "InvalidAccessKeyId", "This access key id is not known here.")
    day = moment[:8]
    if scope != f"{day}/{keys.region}/s3/aws4_request":
        raise RefusedError(
            400,
            "AuthorizationHeaderMalformed",
            f"The credential's scope must be its day, {keys.region}, s3, aws4_request.",
        )
    return day


def _canonical_request(request: Incoming, query: Pairs, signed: list[str], payload: str) -> bytes:
    lines = [f"{name}:{' '.join(request.headers[name].split())}\n" for name in signed]
    parts = (
        request.method,
        quote(request.path, safe="/-_.~"),
        canonical_query(query),
        "".join(lines),
        ";".join(signed),
        payload,
    )
    # Header bytes came through WSGI as Latin-1; they were signed as they are on the wire.
    return "\n".join(parts).encode("latin-1")


def _check_signature(
    request: Incoming, claim: _Claim, query: Pairs, payload: str, keys: Keys
) -> None:
    day = check_scope(claim.credential, claim.moment, keys)
    signed = claim.signed.split(";")
    if "host" not in signed or signed != sorted(set(signed)):
        raise denied("SignedHeaders must be sorted and include host.")
    unsigned = {name for name in request.headers if name.startswith("x-amz-")} - set(signed)
    if unsigned or not set(signed) <= request.headers.keys():
        raise denied("There were headers present in the request which were not signed, or missing.")
    digest = hashlib.sha256(_canonical_request(request, query, signed, payload)).hexdigest()
    scope = claim.credential.partition("/")[2]
    text = f"{ALGORITHM}\n{claim.moment}\n{scope}\n{digest}"
    keys.check(day, text.encode(), claim.signature)


def _verify_header(request: Incoming, keys: Keys, now: datetime) -> str:
    authorization = request.headers["authorization"]
    if authorization.startswith("AWS ") or not authorization.startswith(ALGORITHM):
        raise _other_mechanism()
    match = _HEADER.fullmatch(authorization)
    if match is None:
        raise RefusedError(400, "AuthorizationHeaderMalformed", "The header can't be parsed.")
    moment = request.headers.get("x-amz-date")
    if abs(parse_moment(moment) - now) > MAX_SKEW:
        raise RefusedError(403, "RequestTimeTooSkewed", "The clocks are over 15 minutes apart.")
    payload = request.headers.get("x-amz-content-sha256")
    if payload is None:
        raise RefusedError(400, "MissingSecurityHeader", "x-amz-content-sha256 is missing.")
    claim = _Claim(match["credential"], str(moment), match["signed"], match["signature"])
    _check_signature(request, claim, request.query, payload, keys)
    return payload


def _verify_presigned(request: Incoming, keys: Keys, now: datetime) -> str:
    given = dict(request.query)
    if given.get("X-Amz-Algorithm") != ALGORITHM:
        raise _other_mechanism()
    if not given.keys() >= AUTH_PARAMETERS:
        raise RefusedError(
            400, "AuthorizationQueryParametersError", "A signature parameter is missing."
        )
    lifetime = given["X-Amz-Expires"]
    if re.fullmatch(r"[0-9]{1,7}", lifetime) is None or not (
        1 <= int(lifetime) <= MAX_PRESIGNED_SECONDS
    ):
        raise RefusedError(
            400, "AuthorizationQueryParametersError", "X-Amz-Expires must be 1 to 604800 seconds."
        )
    signed_at = parse_moment(given["X-Amz-Date"])
    if signed_at - now > MAX_SKEW:
        raise denied("Request is not yet valid.")
    if now > signed_at + timedelta(seconds=int(lifetime)):
        raise denied("Request has expired.")
    payload = request.headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    claim = _Claim(
        given["X-Amz-Credential"],
        given["X-Amz-Date"],
        given["X-Amz-SignedHeaders"],
        given["X-Amz-Signature"],
    )
    query = tuple(pair for pair in request.query if pair[0] != "X-Amz-Signature")
    _check_signature(request, claim, query, payload, keys)
    return payload


def authenticate(request: Incoming, keys: Keys, now: datetime) -> str:
    """Verify who sent this request, and return what it declares its body's hash to be.

    Raises:
        RefusedError: anonymous, two mechanisms at once, an old one, or a signature that fails.
    """
    names = {name for name, _ in request.query}
    if names & {"AWSAccessKeyId", "Signature"}:
        raise _other_mechanism()
    if "x-amz-security-token" in request.headers or "X-Amz-Security-Token" in names:
        raise RefusedError(400, "InvalidToken", "This server issues no session tokens.")
    by_query = bool(names & AUTH_PARAMETERS)
    if by_query and "authorization" in request.headers:
        raise RefusedError(400, "InvalidArgument", "Only one auth mechanism is allowed.")
    if by_query:
        return _verify_presigned(request, keys, now)
    if "authorization" in request.headers:
        return _verify_header(request, keys, now)
    raise denied("Anonymous requests are refused.")
