"""TLS of the relay: both ends use the same key and certificate, those of the kernel.

Each side refuses a peer without the key. Each side trusts exactly this certificate; names, dates
and authorities have no meaning.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl

PEM = "relay.pem"
"""The file in a kernel's `run/` with its private key and its certificate."""


def context(pem: str, purpose: int) -> ssl.SSLContext:
    """Return the TLS context; `purpose` is PROTOCOL_TLS_SERVER or PROTOCOL_TLS_CLIENT."""
    import ssl  # It takes as long to import as Python takes to start.

    made = ssl.SSLContext(purpose)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.check_hostname = False
    made.verify_mode = ssl.CERT_REQUIRED
    made.load_cert_chain(pem)
    made.load_verify_locations(pem)
    return made
