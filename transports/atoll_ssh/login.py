"""Logging in to a bastion: host keys, questions to the user, and errors."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import asyncssh

from atoll import ConfigError, NotAuthorized, Unreachable, UsageError, aio, current_context
from atoll.transport import NotSent
from atoll_ssh.bastion import Bastion
from atoll_ssh.hostkeys import (
    OfferedKey,
    Watch,
    changed,
    known_hosts_files,
    pin,
    pin_file,
    unknown,
    vouching,
)
from atoll_ssh.questions import Questions

# Failures are raised where the connection is used, so asyncssh shall not log them as well.
logging.getLogger("asyncssh").addHandler(logging.NullHandler())

_CONNECT_TIMEOUT = 10.0
_LOGIN_TIMEOUT = 30.0
"""Seconds that a login may take; the time in which the user answers questions does not count."""
_KEEPALIVE = 20.0
"""Seconds of silence after which the connection to the bastion is tested."""


async def log_in(bastion: Bastion) -> asyncssh.SSHClientConnection:
    """Connect to a bastion, and ask the user about an unknown host.

    Raises NotSent if the bastion does not answer, NotAuthorized if it refuses the user or its host
    key is not trusted, NobodyToAsk if it asks for a code and no user can type it, ConfigError for
    errors in `~/.ssh`, and Unreachable in all other cases.
    """
    with _explained(bastion):
        options = await _options(bastion)
        watch = Watch(known_hosts_files(options), Questions(_LOGIN_TIMEOUT))
        try:
            return await _attempt(bastion, watch)
        except asyncssh.HostKeyNotVerifiable:
            if watch.offered is None:
                raise
        await _accept(watch, options)
        again = Watch(known_hosts_files(options), Questions(_LOGIN_TIMEOUT))
        return await _attempt(bastion, again)


def _arguments(bastion: Bastion) -> dict[str, Any]:
    """Return arguments for asyncssh; it reads settings that the URL does not contain from
    `~/.ssh/config`.
    """
    named = {"username": bastion.user, "port": bastion.port}
    return {"host": bastion.host, **{key: value for key, value in named.items() if value}}


async def _options(bastion: Bastion) -> asyncssh.SSHClientConnectionOptions:
    """Read `~/.ssh/config`, but not the keys yet."""
    return await aio(
        asyncssh.SSHClientConnectionOptions.construct,
        config=(),  # this is the default of `connect`, but not that of `construct`
        client_keys=None,
        agent_path=None,
        **_arguments(bastion),
    )


async def _attempt(bastion: Bastion, watch: Watch) -> asyncssh.SSHClientConnection:
    log_in = partial(
        aio,
        asyncssh.connect,
        known_hosts=vouching(watch.files),
        client_factory=lambda: watch,
        connect_timeout=_CONNECT_TIMEOUT,
        login_timeout=0,  # a time limit would also count the time in which the user types
        keepalive_interval=_KEEPALIVE,
        **_arguments(bastion),
    )
    try:
        return await watch.questions.during(log_in)
    except asyncssh.PermissionDenied:
        if asked := watch.questions.unanswered:
            raise NobodyToAsk(bastion, asked) from None
        if watch.questions.was_asked:
            raise NotAuthorized(f"{bastion} does not take that answer") from None
        raise


async def _accept(watch: Watch, options: asyncssh.SSHClientConnectionOptions) -> None:
    """Ask the user to accept an unknown host; raises HostKeyRefused."""
    offered = watch.offered
    assert offered is not None  # noqa: S101  # the caller has looked
    if offered.changed:
        raise changed(offered, watch.files)
    if not await _agreed(offered):
        raise unknown(offered)
    pin(pin_file(options), offered)


async def _agreed(offered: OfferedKey) -> bool:
    # Only a command in the foreground may ask. A query in the background of the prompt would take
    # keys that the user types for the command line.
    context = current_context.get()
    if context is None:
        return False
    question = f"{offered.name} shows the key {offered.fingerprint}. Is that the right one?"
    try:
        return await context.confirm(question)
    except UsageError:
        return False


class NobodyToAsk(NotAuthorized):
    """The host asks for a code or a password at each login, but there is no terminal."""

    def __init__(self, bastion: Bastion, asked: str) -> None:
        super().__init__(
            f"{bastion} asks at its login: {asked}; nobody is here to answer",
            hint=f"run it at a terminal, or while ssh -M {bastion.host} holds a connection open",
        )


@contextmanager
def _explained(bastion: Bastion) -> Iterator[None]:
    try:
        yield
    except asyncssh.HostKeyNotVerifiable as error:
        # The error may concern a jump before the bastion, or a certificate; asyncssh's text says
        # which.
        raise NotAuthorized(f"{bastion}: {error.reason}", hint=f"ssh {bastion.host}") from None
    except asyncssh.PermissionDenied:
        raise NotAuthorized(
            f"{bastion} refuses the login", hint=f"does ssh {bastion.host} work? ssh-add adds a key"
        ) from None
    except asyncssh.ConfigParseError as error:
        raise ConfigError(f"~/.ssh/config: {error}") from None
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise ConfigError(f"a key in ~/.ssh can't be used: {error}", hint="ssh-add it") from None
    except asyncssh.Error as error:
        raise Unreachable(f"no SSH connection to {bastion}: {error.reason}") from None
    except TimeoutError:
        raise NotSent(f"{bastion} does not answer within {_CONNECT_TIMEOUT:g} s") from None
    except socket.gaierror:
        raise NotSent(f"there is no host {bastion.host}") from None
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise NotSent(f"can't connect to {bastion}: {reason}") from None
