"""Decodes bodies that the page has scrambled; without TLS, it scrambles passwords.

The key is derived from the page's own address and from the vector at the beginning of the body, so
it keeps nothing secret. The web server of Backend.AI decodes such bodies in the same way (since
22.09).
"""

from base64 import b64decode, b64encode

from atoll_apps.api import Malformed

_BLOCK = 16
_KEY = 32


def unscramble(body: bytes, endpoint: str) -> bytes:
    """Return the decoded body; `endpoint` is the page's address.

    Raises Malformed.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.padding import PKCS7

    try:
        vector, _, content = body.decode("ascii").partition(":")
        key = (b64encode(endpoint.encode()).decode() + 2 * vector)[:_KEY].encode()
        cipher = Cipher(algorithms.AES(key), modes.CBC(vector.encode())).decryptor()
        padded = cipher.update(b64decode(content, validate=True)) + cipher.finalize()
        unpadder = PKCS7(8 * _BLOCK).unpadder()
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError as error:
        raise Malformed("The body has an invalid encoding.") from error
