"""The options that all commands have."""

from typing import Any

import click

from atoll._names import Name


def _check_given(context: click.Context, param: click.Parameter, value: Any) -> Any:
    if value == "":
        raise click.BadParameter("it is empty", context, param)
    return value


output = click.Option(
    ["--output"],
    type=Name("format"),
    metavar="FORMAT",
    callback=_check_given,
    help="Write records in this format.",
)
yes = click.Option(["-y", "--yes"], is_flag=True, help="Don't ask.")
profile = click.Option(
    ["--profile"],
    type=Name("profile"),
    metavar="NAME",
    callback=_check_given,
    help="Use this profile.",
)
