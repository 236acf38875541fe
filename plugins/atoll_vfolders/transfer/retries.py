"""How long a transfer tries again after its connection broke."""

from atoll.outages import Backoff

RETRIES = Backoff(first=0.1, longest=2.0, patience=60.0)
"""The patience starts again whenever a part of a file has arrived."""
