"""How long a transfer tries again when a connection breaks."""

from atoll.outages import Backoff

RETRIES = Backoff(first=0.1, longest=2.0, patience=60.0)
"""Patience begins again whenever something of a file has arrived."""
