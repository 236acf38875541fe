"""TLS settings of a profile, and messages for errors of handshakes."""

import os
import ssl
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import trio

from atoll import ConfigError, Profile, Unreachable

_TIMEOUT = 3.0
_TRUST_HINT = "if you trust it, name its authority in the profile's ca_file"
# OpenSSL's X509_V_ERR_* numbers.
_REASONS = {
    9: ("is not valid yet", "check this machine's clock"),
    10: ("has expired", "ask who runs the cluster to renew it, and check this machine's clock"),
    18: ("is self-signed", _TRUST_HINT),
    19: ("is signed by an authority that is not trusted here", _TRUST_HINT),
    20: ("is signed by an authority that is not known here", _TRUST_HINT),
    21: ("is signed by an authority that is not known here", _TRUST_HINT),
    62: ("is for another host", "check the endpoint's host name"),
    64: ("is for another address", "use the host name that the certificate is for"),
}
_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
"""Environment variables that name authorities to trust: two of OpenSSL, and one of Python's
requests.
"""
_NOT_TLS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL"}


def tls_context(profile: Profile) -> ssl.SSLContext:
    """Return the TLS settings of a profile.

    Raises ConfigError if `ca_file`, or the file in an environment variable, can't be used.
    """
    asked = tuple((name, value) for name in _VARIABLES if (value := os.environ.get(name)))
    return _context(profile.verify_tls, profile.ca_file, asked)


@cache
def _context(verify: bool, ca_file: str, asked: Sequence[tuple[str, str]]) -> ssl.SSLContext:
    if not verify:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    context = ssl.create_default_context()
    for variable, value in asked:
        _add_authorities(
            context, value, f"the environment variable {variable} names {value}, which"
        )
    if not asked and not _system_has_authorities(context):
        import certifi

        context.load_verify_locations(certifi.where())
    if ca_file:
        _add_authorities(context, ca_file, f"ca_file {ca_file}")
    return context


def _system_has_authorities(context: ssl.SSLContext) -> bool:
    # Authorities in a folder are read only when a certificate is checked, so the context can't tell
    # whether there are any.
    folder = ssl.get_default_verify_paths().capath
    return bool(context.cert_store_stats()["x509_ca"] or (folder and any(Path(folder).iterdir())))


def _add_authorities(context: ssl.SSLContext, place: str, name: str) -> None:
    """Trust the certificates in a file, or in a folder with OpenSSL's names (`c_rehash`)."""
    path = Path(place).expanduser()
    try:
        if path.is_dir():
            context.load_verify_locations(capath=path)
        else:
            context.load_verify_locations(path)
    except ssl.SSLError:
        raise ConfigError(f"{name} holds no certificates", hint="it should be PEM") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigError(f"{name} can't be read: {reason}") from None


def tls_failure(error: ssl.SSLError, name: str) -> Unreachable:
    """Return an error with one line that says why TLS with the server called `name` failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        default = (f"was refused: {error.verify_message}", "")
        reason, hint = _REASONS.get(error.verify_code, default)
        return Unreachable(f"the certificate of {name} {reason}", hint=hint, permanent=True)
    if error.reason in _NOT_TLS:
        hint = "should it be http rather than https?"
        return Unreachable(f"{name} does not speak TLS", hint=hint, permanent=True)
    detail = (error.reason or str(error)).replace("_", " ").lower()
    return Unreachable(f"no TLS connection to {name}: {detail}", permanent=True)


async def speaks_tls(stream: trio.abc.Stream) -> bool:
    """Tell whether the other side of a stream answers in TLS; the stream can't be used
    afterwards.
    """
    secured = trio.SSLStream(stream, _context(False, "", ()))
    try:
        with trio.move_on_after(_TIMEOUT):
            await secured.do_handshake()
            return True
    except trio.BrokenResourceError as error:
        cause = find_tls_error(error)
        return cause is not None and "ALERT" in (cause.reason or "")
    finally:
        await trio.aclose_forcefully(stream)
    return False


def find_tls_error(error: BaseException) -> ssl.SSLError | None:
    """Return the TLS error that caused `error`, or None."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    return cause
