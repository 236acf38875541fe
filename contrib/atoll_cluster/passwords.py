"""Hash and check passwords, with a salt and a slow hash."""

import base64
import hashlib
import hmac
import secrets

_COST = 2**14
_PREFIX = "scrypt"


def hash_password(password: str) -> str:
    """Return the hash to store; this takes about 50 ms on purpose."""
    salt = secrets.token_bytes(16)
    return "$".join((_PREFIX, _encode(salt), _encode(_derive(password, salt))))


def is_password(password: str, kept: str | None) -> bool:
    """Return whether a password matches the stored hash; without a hash, only an empty one does."""
    if kept is None:
        return password == ""
    _, salt, digest = kept.split("$")
    derived = _derive(password, base64.b64decode(salt))
    return hmac.compare_digest(derived, base64.b64decode(digest))


def _derive(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=8, p=1)


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
