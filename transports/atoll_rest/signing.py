"""The HMAC signature of the Backend.AI API, as a pure function of the signed values.

The signed text contains the method, the request target and the host exactly as they are sent. So
sign a request last, when nothing changes them any more.
"""

import hmac
from datetime import datetime
from hashlib import sha256

from attrs import frozen

# Since v4.20181215, bodies are not part of the signature: the last line is the digest of an empty
# text.
_EMPTY_DIGEST = sha256(b"").hexdigest()


@frozen(kw_only=True)
class Signable:
    """The values that a signature covers.

    `target` is the path with its query string and `host` the `Host` header, both as sent.
    `content_type` may have parameters; only its media type is signed, and an empty one means the
    servers' default. `date` must have a time zone; its ISO-8601 text is the `Date` header.
    """

    method: str
    host: str
    target: str
    content_type: str
    version: str
    date: datetime

    def text(self) -> str:
        """Return the string to sign: seven lines, no newline at the end."""
        lines = (
            self.method.upper(),
            self.target,
            self.date.isoformat(),
            f"host:{self.host}",
            f"content-type:{media_type(self.content_type)}",
            f"x-backendai-version:{self.version}",
            _EMPTY_DIGEST,
        )
        return "\n".join(lines)


def media_type(content_type: str) -> str:
    """Return `type/subtype` in lower case, without parameters."""
    return content_type.partition(";")[0].strip().lower() or "application/octet-stream"


def day_key(secret_key: str, date: datetime) -> bytes:
    """Derive the key for one day, in the time zone of the date."""
    return _hmac(secret_key.encode(), f"{date:%Y%m%d}")


def host_key(secret_key: str, date: datetime, host: str) -> bytes:
    """Derive the signing key for one day and one host."""
    return _hmac(day_key(secret_key, date), host)


def signature(secret_key: str, signable: Signable) -> str:
    """Return the signature in lower-case hex."""
    key = host_key(secret_key, signable.date, signable.host)
    return _hmac(key, signable.text()).hex()


def authorization(access_key: str, secret_key: str, signable: Signable) -> str:
    """Return the value of the `Authorization` header."""
    credential = f"{access_key}:{signature(secret_key, signable)}"
    return f"BackendAI signMethod=HMAC-SHA256, credential={credential}"


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
