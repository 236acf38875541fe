"""Tokens with which a request can read or write one file without a signature.

They are JSON web tokens (HS256), but clients do not read them. The claims are `op`, `volume`,
`vfid`, `relpath` and `exp`, and for uploads also `size` and `session`.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from pathlib import Path
from typing import Any

from attrs import frozen

from atoll_cluster.paths import write_private

LIFETIME = 24 * 60 * 60
"""Seconds for which a token is valid."""

_HEADER = {"alg": "HS256", "typ": "JWT"}


class TokenError(ValueError):
    """The token was not made by this cluster, was changed, or has expired."""


@frozen
class Signer:
    """Signs claims with a secret that only this cluster knows."""

    secret: bytes

    @classmethod
    def of(cls, path: Path) -> "Signer":
        """Return a signer with the secret in the file `path`; creates the file if needed."""
        if not path.exists():
            write_private(path, secrets.token_hex(32))
        return cls(path.read_text("ascii").encode())

    def sign(self, claims: dict[str, Any]) -> str:
        """Return a token for these claims, valid for `LIFETIME` from now."""
        content = claims | {"exp": int(time.time()) + LIFETIME}
        text = f"{_encode(json.dumps(_HEADER).encode())}.{_encode(json.dumps(content).encode())}"
        return f"{text}.{_encode(self._mac(text))}"

    def read(self, token: str, operation: str) -> dict[str, Any]:
        """Return the claims of a token for this operation; raises TokenError."""
        text, _, signature = token.rpartition(".")
        try:
            if not hmac.compare_digest(_decode(signature), self._mac(text)):
                raise TokenError("the token's signature is wrong")
            claims: dict[str, Any] = json.loads(_decode(text.rpartition(".")[2]))
        except (binascii.Error, UnicodeError, json.JSONDecodeError):
            raise TokenError("this is not a token") from None
        if claims["exp"] < time.time():
            raise TokenError("the token has expired")
        if claims["op"] != operation:
            raise TokenError(f"the token is not for {operation}")
        return claims

    def _mac(self, text: str) -> bytes:
        return hmac.digest(self.secret, text.encode(), hashlib.sha256)


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
