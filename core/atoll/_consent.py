"""The option `-y`, which answers a command's question with yes."""

from collections.abc import Callable
from typing import Any

import click


def yes_option(*more_names: str) -> Callable[[Any], Any]:
    """Add `-y/--yes`; pass its value, `yes`, to :meth:`atoll.Context.consent`."""
    return click.option("-y", "--yes", "yes", *more_names, is_flag=True, help="Don't ask.")
