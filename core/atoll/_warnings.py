"""Warnings: what is told on standard error beside a command's own words."""

import sys

from atoll.text import printable


def warn(text: str) -> None:
    """Put a warning on standard error."""
    sys.stderr.write(f"atoll: {printable(text)}\n")
