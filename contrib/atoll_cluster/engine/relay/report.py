"""Report to the cluster's program that a kernel accepts connections; files show this later."""

from __future__ import annotations

import hmac
import json
import socket

from .tls import PEM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PATIENCE = 5.0
"""Seconds to try; nodes may not be able to connect to the machine of the cluster."""
DIGEST = "sha256"


def report(address: str, news: dict[str, Any]) -> None:
    """Send a report to `HOST:PORT`, signed with the kernel's key; errors are ignored."""
    host, _, port = address.rpartition(":")
    try:
        with open(PEM, "rb") as file:
            line = signed(json.dumps(news).encode(), file.read())
        with socket.create_connection((host, int(port)), PATIENCE) as stream:
            stream.sendall(line)
    except (OSError, ValueError):
        pass


def signed(message: bytes, key: bytes) -> bytes:
    """Return a line with the message and its signature; it contains no secret."""
    return hmac.new(key, message, DIGEST).hexdigest().encode() + b" " + message + b"\n"
