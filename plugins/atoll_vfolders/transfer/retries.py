"""How long a transfer puts up with a connection that breaks."""

from atoll.outages import Backoff

RETRIES = Backoff(first=0.1, longest=2.0, patience=60.0)
"""Patience begins again whenever something of a file has arrived."""
