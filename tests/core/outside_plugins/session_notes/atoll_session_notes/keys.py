"""A key of the prompt."""

from atoll import KeyPress


def listing(press: KeyPress) -> None:
    """List sessions."""
    press.run("ps -f name,loud_name")
