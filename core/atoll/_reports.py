"""Turns the error of a statement into an exit code and, unless it is an interruption, one line of
text.
"""

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from atoll._errors import AtollError, ExitCode, Problem, from_os_error, is_interruption
from atoll._preparing import usage_error
from atoll._runtime import NoAsyncio

if TYPE_CHECKING:
    from atoll._node import Node

_SIGPIPE_CODE = 128 + signal.SIGPIPE
_HIGHEST = 255
_LONGEST = 40


class BadExitCode(Exception):
    """A command has returned a value that is not an exit code."""


class Ending(NamedTuple):
    """How a statement ends: its exit code, and the line for the user. For a `bug`, the line names
    the plugin.
    """

    code: int
    text: str = ""
    bug: bool = False


def exit_code(result: Any) -> int:
    """Return the exit code for a command's result; raises BadExitCode.

    Chained click commands have a list of results: the first that is not 0 counts.
    """
    if isinstance(result, list):
        return next((code for code in map(exit_code, result) if code), ExitCode.OK)
    if result is None:
        return ExitCode.OK
    if isinstance(result, int) and not isinstance(result, bool) and 0 <= result <= _HIGHEST:
        return int(result)
    raise BadExitCode(f"it returned {_shown(result)}, and not None or an exit code from 0 to 255")


def _shown(value: Any) -> str:
    plain = isinstance(value, str | int | float)
    return repr(value)[:_LONGEST] if plain else f"an object of class {type(value).__name__}"


def ending(error: BaseException, node: "Node | None") -> Ending:
    """Return the ending that an error means for the statement of a command."""
    match _as_atoll_error(_most_specific(error), node):
        case BrokenPipeError():
            return Ending(_SIGPIPE_CODE)
        case SystemExit(code=code) | click.exceptions.Exit(exit_code=code):
            return _of_exit(code)
        case BadExitCode() | NoAsyncio() as error:
            return Ending(ExitCode.FAILED, str(error), bug=True)
        case AtollError() as error:
            return Ending(error.exit_code, str(error))
        case error if is_interruption(error):
            return Ending(ExitCode.INTERRUPTED)
        case error:
            return Ending(ExitCode.FAILED, f"{type(error).__name__}: {error}", bug=True)


def _as_atoll_error(error: BaseException, node: "Node | None") -> BaseException:
    """Convert errors of the system and of click to AtollErrors."""
    if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
        return from_os_error(error)
    if isinstance(error, click.Abort):
        return AtollError("aborted")
    if isinstance(error, click.UsageError) and node is not None:
        return usage_error(node, error)
    if isinstance(error, click.ClickException):
        refused = AtollError(" ".join(error.format_message().split()))
        refused.exit_code = error.exit_code
        return refused
    return error


def give_hint(error: BaseException, hint: Callable[[str], str]) -> None:
    """Add a plugin's hint to a problem of the API that has none."""
    cause = _most_specific(error)
    if isinstance(cause, Problem) and not cause.hint:
        cause.hint = hint(cause.type)


def _of_exit(code: Any) -> Ending:
    """Return the ending for `sys.exit(code)`: a text is shown, and means a failure."""
    if isinstance(code, str):
        return Ending(ExitCode.FAILED, code)
    try:
        return Ending(exit_code(int(code) if isinstance(code, bool) else code))
    except BadExitCode as error:
        return Ending(ExitCode.FAILED, str(error), bug=True)


def _most_specific(error: BaseException) -> BaseException:
    """Return the most specific error of a group."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    inner = [_most_specific(one) for one in error.exceptions]
    expected = (
        AtollError,
        BrokenPipeError,
        click.ClickException,
        click.exceptions.Exit,
        SystemExit,
    )
    found = [one for one in inner if isinstance(one, expected)]
    others = [one for one in inner if not is_interruption(one)]
    return next(iter(found or others), inner[0])
