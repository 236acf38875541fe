"""What a relay and its clients agree on; importing this costs nothing."""

GREETING = b"atoll relay "
"""The beginning of the relay's first line; the public part of its key follows."""
USER = "relay"
