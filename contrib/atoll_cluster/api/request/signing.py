"""Verify signatures: the server's side of the API's HMAC scheme.

The signing key is derived from the secret key, the day and the host, so that a stolen signature is
not valid on another day or for another host. The signed text contains the method, the raw target,
the `Date` header as sent, the host, the media type and the API version, but not the body (since
v4.20181215).
"""

import hashlib
import hmac
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from attrs import frozen

from atoll_cluster.api.request.problems import invalid_auth, unauthorized

MAX_SKEW = timedelta(minutes=15)
_SCHEMES = frozenset({"backendai", "sorna"})


@frozen(kw_only=True)
class SignedRequest:
    """The signed parts of a request; `target` is the raw request target, `date` the raw header."""

    method: str
    target: str
    host: str
    date: str
    content_type: str
    version: str
    version_label: str = "x-backendai-version"

    def text(self, hash_name: str) -> str:
        """Return the signed text."""
        lines = (
            self.method.upper(),
            self.target,
            self.date,
            f"host:{self.host}",
            f"content-type:{media_type(self.content_type)}",
            f"{self.version_label}:{self.version}",
            hashlib.new(hash_name, b"").hexdigest(),
        )
        return "\n".join(lines)


@frozen
class Credential:
    """The parts of the `Authorization` header."""

    hash_name: str
    access_key: str
    signature: str

    @classmethod
    def parse(cls, header: str) -> "Credential":
        """Read `BackendAI signMethod=HMAC-SHA256, credential=KEY:SIGNATURE`; raises Problem 400."""
        scheme, _, rest = header.strip().partition(" ")
        if scheme.lower() not in _SCHEMES:
            raise invalid_auth("Invalid authorization scheme")
        pairs = (part.strip().partition("=") for part in rest.split(","))
        fields = {name: value for name, _, value in pairs}
        access_key, colon, signature = fields.get("credential", "").partition(":")
        hash_name = fields.get("signMethod", "").lower().removeprefix("hmac-")
        if not colon or hash_name not in hashlib.algorithms_guaranteed:
            raise invalid_auth("Invalid authorization header")
        if hash_name.startswith("shake"):
            raise invalid_auth("Invalid hash algorithm")  # Its digests have no fixed length.
        return cls(hash_name, access_key, signature)


def signing_key(secret_key: str, day: str, host: str, hash_name: str) -> bytes:
    """Derive the key for one day (`YYYYMMDD`) and one host."""
    day_key = hmac.digest(secret_key.encode(), day.encode(), hash_name)
    return hmac.digest(day_key, host.encode(), hash_name)


def sign(request: SignedRequest, secret_key: str, hash_name: str = "sha256") -> str:
    """Return the signature of a request in lower-case hexadecimal digits."""
    day = parse_date(request.date).strftime("%Y%m%d")
    key = signing_key(secret_key, day, request.host, hash_name)
    return hmac.digest(key, request.text(hash_name).encode(), hash_name).hex()


def verify(request: SignedRequest, credential: Credential, secret_key: str) -> None:
    """Raise Problem 401 unless the signature matches the request."""
    expected = sign(request, secret_key, credential.hash_name)
    if not hmac.compare_digest(expected.encode(), credential.signature.encode()):
        raise unauthorized("Signature mismatch")


def check_clock(date: str | None, now: datetime | None = None) -> None:
    """Raise Problem 400 if the date differs from ours by over 15 minutes, 401 without a date."""
    if not date:
        raise invalid_auth("Date/time sync error")
    if abs(parse_date(date) - (now or datetime.now(UTC))) >= MAX_SKEW:
        raise invalid_auth("Date/time sync error")


def parse_date(text: str) -> datetime:
    """Read a date in ISO-8601 or RFC-1123, in UTC if it has no time zone; raises Problem 401."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        # For years and time zones out of range, Python raises different errors.
        with suppress(ValueError, OverflowError, TypeError):
            moment = read(text.strip())
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    raise invalid_auth("Date/time sync error", 401)


def date_header(headers: Mapping[str, str]) -> str | None:
    """Return the date of a request as sent, None if it has none."""
    for name in ("date", "x-backendai-date", "x-sorna-date"):
        if value := headers.get(name):
            return value
    return None


def media_type(content_type: str) -> str:
    """Return `type/subtype` of a content type in lower case, without its parameters."""
    return content_type.partition(";")[0].strip().lower() or "application/octet-stream"
