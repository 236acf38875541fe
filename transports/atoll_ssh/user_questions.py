"""Ask the user at a login, and the errors of logins; the same for OpenSSH and asyncssh."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from attrs import define, field

from atoll import Context, NotAuthorized, UsageError, current_context
from atoll.text import printable

T = TypeVar("T")
APPROVAL_TIMEOUT = 120.0
"""Seconds in which the user can approve a login elsewhere, such as on a phone."""
LOGIN_TIMEOUT = 30.0
"""Seconds that a login may take; the time in which the user answers questions does not count."""
_MAX_TEXT = 500


class HostKeyRefused(NotAuthorized):
    """The host's key differs from the known one, or is unknown and no user could be asked.

    Its exit code is 4, not 3, so that no program tries again.
    """


class NoTerminal(NotAuthorized):
    """The host asks for a code or a password at each login, but there is no terminal."""

    def __init__(self, name: str, host: str, asked: str) -> None:
        super().__init__(
            f"{name} asks at its login: {asked}; there is no terminal to ask at",
            hint=f"run it at a terminal, or while ssh -M {host} holds a connection open",
        )


@define
class LoginGate:
    """Lets logins pass, but if nobody can answer the host's questions, only one of them, since
    hosts count failed logins.
    """

    _refused: NoTerminal | None = field(default=None, init=False)

    async def passed(self, log_in: Callable[[], Awaitable[T]]) -> T:
        """Log in; after NoTerminal it raises that again until there is a terminal."""
        if self._refused is not None and interactive_context() is None:
            raise self._refused
        try:
            return await log_in()
        except NoTerminal as error:
            self._refused = error
            raise


def interactive_context() -> Context | None:
    """Return the running command whose user is at a terminal and can be asked; None if there is
    none.

    Queries in the background of the prompt may ask nothing, since they would take keys that the
    user types for the command line.
    """
    context = current_context.get()
    return context if context is not None and context.can_ask else None


async def accepts_key(host: str, fingerprint: str) -> bool:
    """Ask the user whether an unknown host has the right key; False if nobody can be asked."""
    context = current_context.get()
    if context is None:
        return False
    try:
        return await context.confirm(f"{host} shows the key {fingerprint}. Is that the right one?")
    except UsageError:
        return False


def changed_key(host: str, fingerprint: str, files: str) -> HostKeyRefused:
    """Return the error for a host whose key has changed."""
    return HostKeyRefused(
        f"the host key of {host} has changed: it shows {fingerprint}, and {files} know another",
        hint="someone may be intercepting the connection; if the key was replaced,"
        f' ssh-keygen -R "{host}" forgets the old one',
    )


def unknown_key(host: str, fingerprint: str) -> HostKeyRefused:
    """Return the error for a host whose key no user has accepted yet."""
    return HostKeyRefused(
        f"the host key of {host} is not known: {fingerprint}",
        hint="atoll profile test at a terminal asks whether to accept it",
    )


def refused_login(name: str, host: str) -> NotAuthorized:
    """Return the error for a login that a host refuses without a question."""
    return NotAuthorized(
        f"{name} refuses the login", hint=f"does ssh {host} work? ssh-add adds a key"
    )


def wrong_answer(name: str) -> NotAuthorized:
    """Return the error for a login that a host refuses after an answer of the user."""
    return NotAuthorized(f"{name} does not accept that answer")


def prompt_name(prompt: str) -> str:
    """Return the name of what a prompt asks for."""
    return shown(prompt).rstrip(": ") or "Code"


def shown(text: str) -> str:
    """Return a host's text in a form that is safe to show."""
    return printable(text.strip()[:_MAX_TEXT])
