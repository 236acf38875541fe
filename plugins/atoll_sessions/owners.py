"""The option `-o`, with the same meaning in all commands that have it: act for another user."""

from collections.abc import Callable
from typing import Any

import click

from atoll import Name


def owner_option(what: str) -> Callable[[Any], Any]:
    """Add `-o ACCESS_KEY` with `what` as its help; its value is `owner`, None by default."""
    return click.option(
        "-o",
        "--owner",
        "--owner-access-key",
        type=Name("keypair"),
        metavar="ACCESS_KEY",
        callback=_check_given,
        help=what,
    )


def _check_given(context: click.Context, param: click.Parameter, owner: str | None) -> str | None:
    if owner == "":
        # A cluster would read an empty key as that of the user who sends the request.
        raise click.BadParameter("it is empty", context, param)
    return owner
