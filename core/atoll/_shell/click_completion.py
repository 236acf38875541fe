"""Completion by click's own protocol: parameters and their types return their values."""

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

import click

from atoll._plugins import guarded
from atoll._records import Candidate
from atoll._shell.files import files

if TYPE_CHECKING:
    from atoll._shell.queries import ValuesOf

_MOST = 10_000


def completes_itself(param: click.Parameter) -> bool:
    """Whether a plugin's own code completes a parameter; that may be slow, and may fail."""
    if getattr(param, "_custom_shell_complete", None) is not None:
        return True
    own = (type(param).shell_complete, type(param.type).shell_complete)
    return any(not str(getattr(one, "__module__", "")).startswith("click.") for one in own)


def click_values(
    param: click.Parameter, context: click.Context, incomplete: str, typed: str
) -> Sequence[Candidate]:
    """Ask a parameter for its values; files and folders are found for the typed path."""
    found: list[Candidate] = []
    for item in islice(param.shell_complete(context, incomplete), _MOST):
        if item.type in ("file", "dir"):
            found += files(typed, folders_only=item.type == "dir")
        else:
            found.append(Candidate(str(item.value), str(item.help or "")))
    return found


def ask_parameter(query: "ValuesOf") -> Sequence[Candidate]:
    """Run a parameter's own completion; raises PluginError. Call it in a thread: it may be slow."""
    name = query.parameter.name
    with guarded(query.origin, f"the completion of {name!r}"):
        # As in click itself: earlier values are there, but no callback runs.
        context = query.command.make_context(
            query.command.name or "", list(query.words), resilient_parsing=True
        )
        with context:
            return click_values(query.parameter, context, query.typed, query.typed)
