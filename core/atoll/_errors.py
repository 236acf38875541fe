"""The errors that a user may meet, each with a hint what to do next and an exit code.

Raise one of these for everything that is not a bug: its message becomes one line on standard error.
Any other exception is reported as a bug.
"""

import sys
from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """The exit codes of atoll. `run` returns that of the remote program instead of `OK`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    UNAUTHORIZED = 4
    NOT_FOUND = 5
    TIMED_OUT = 124
    INTERRUPTED = 130


class AtollError(Exception):
    """Something was refused or failed.

    `message` is one line that says what is wrong, `hint` one line that says what to do about it.
    """

    exit_code: int = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


def is_interruption(error: BaseException) -> bool:
    """Whether an error is Ctrl-C or a cancellation by trio, or a group that contains one; these are
    not failures.
    """
    if isinstance(error, BaseExceptionGroup):
        return any(is_interruption(one) for one in error.exceptions)
    # If trio is not imported, nothing can have been cancelled.
    trio = sys.modules.get("trio")
    cancelled = trio is not None and isinstance(error, trio.Cancelled)
    return cancelled or isinstance(error, KeyboardInterrupt)


def from_os_error(error: OSError) -> AtollError:
    """Return the error to show for an error of the operating system, such as a full disk."""
    reason = error.strerror or str(error) or type(error).__name__
    return AtollError(f"{error.filename}: {reason}" if error.filename else reason)


class UsageError(AtollError):
    """The line could not be understood."""

    exit_code = ExitCode.USAGE


class ConfigError(UsageError):
    """A setting, a profile or the environment contains a value that can't be used."""


class Unreachable(AtollError):
    """The cluster can't be reached, or the connection to it was lost.

    A `permanent` error, such as an untrusted certificate, would occur again at the next attempt.
    """

    exit_code = ExitCode.UNREACHABLE

    def __init__(self, message: str, *, hint: str = "", permanent: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.permanent = permanent


class NotAuthorized(AtollError):
    """The keys are wrong, or they don't allow the request."""

    exit_code = ExitCode.UNAUTHORIZED


class NotFound(AtollError):
    """The named thing does not exist, or several have that name."""

    exit_code = ExitCode.NOT_FOUND


class TimedOut(AtollError):
    """Something took longer than the user allowed."""

    exit_code = ExitCode.TIMED_OUT


class Interrupted(AtollError):
    """The user asked to stop."""

    exit_code = ExitCode.INTERRUPTED


class Problem(AtollError):
    """A refusal by the cluster's API that has no more specific class.

    `status` is the HTTP status, `type` the last part of the problem's type URI (`quota-exceeded`),
    `data` the other members of the problem, `retry_after` the seconds after which the cluster wants
    to be asked again, if it says so. :func:`atoll.problems.problem_from` chooses the class.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        status: int = 0,
        type: str = "",
        data: Any = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.type = type
        self.data = data
        self.retry_after = retry_after


class ProblemNotAuthorized(Problem, NotAuthorized):
    """The API refused the keys, or refused this request to the user of the keys."""

    exit_code = ExitCode.UNAUTHORIZED


class ProblemNotFound(Problem, NotFound):
    """The API knows no such thing, or several of that name."""

    exit_code = ExitCode.NOT_FOUND
