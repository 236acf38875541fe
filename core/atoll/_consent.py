"""`-y`, which means the same in all commands that have it: the question is answered with yes."""

from collections.abc import Callable
from typing import Any

import click


def yes_option(*more_names: str) -> Callable[[Any], Any]:
    """Add `-y/--yes`; its value is `yes`, for :meth:`atoll.Context.consent`."""
    return click.option("-y", "--yes", "yes", *more_names, is_flag=True, help="Don't ask.")
