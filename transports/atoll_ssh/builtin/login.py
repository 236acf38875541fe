"""Logging in to a bastion: host keys, questions to the user, and errors."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import asyncssh

from atoll import ConfigError, NotAuthorized, Unreachable, aio
from atoll.transport import NotSent
from atoll_ssh.bastion import Bastion
from atoll_ssh.builtin.hostkeys import (
    Watch,
    as_asyncssh_files,
    known_hosts_files,
    pin,
    pin_file,
)
from atoll_ssh.builtin.questions import Questions
from atoll_ssh.user_questions import (
    LOGIN_TIMEOUT,
    NoTerminal,
    accepts_key,
    changed_key,
    refused_login,
    unknown_key,
    wrong_answer,
)

# Failures are raised where the connection is used, so asyncssh shall not log them as well.
logging.getLogger("asyncssh").addHandler(logging.NullHandler())

_CONNECT_TIMEOUT = 10.0
_KEEPALIVE = 20.0
"""Seconds of silence after which the connection to the bastion is tested."""


async def log_in(bastion: Bastion) -> asyncssh.SSHClientConnection:
    """Connect to a bastion, and ask the user about an unknown host.

    Raises NotSent if the bastion does not answer, NotAuthorized if it refuses the user or its host
    key is not trusted, NoTerminal if it asks for a code and no user can type it, ConfigError for
    errors in `~/.ssh`, and Unreachable in all other cases.
    """
    with _explained(bastion):
        options = await _options(bastion)
        watch = Watch(known_hosts_files(options), Questions(LOGIN_TIMEOUT))
        try:
            return await _attempt(bastion, watch)
        except asyncssh.HostKeyNotVerifiable:
            if watch.offered is None:
                raise
        await _accept(watch, options)
        again = Watch(known_hosts_files(options), Questions(LOGIN_TIMEOUT))
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
        known_hosts=as_asyncssh_files(watch.files),
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
            raise NoTerminal(str(bastion), bastion.host, asked) from None
        if watch.questions.was_asked:
            raise wrong_answer(str(bastion)) from None
        raise


async def _accept(watch: Watch, options: asyncssh.SSHClientConnectionOptions) -> None:
    """Ask the user to accept an unknown host; raises HostKeyRefused."""
    offered = watch.offered
    assert offered is not None  # noqa: S101  # the caller has looked
    if offered.changed:
        raise changed_key(offered.name, offered.fingerprint, ", ".join(watch.files))
    if not await accepts_key(offered.name, offered.fingerprint):
        raise unknown_key(offered.name, offered.fingerprint)
    pin(pin_file(options), offered)


@contextmanager
def _explained(bastion: Bastion) -> Iterator[None]:
    try:
        yield
    except asyncssh.HostKeyNotVerifiable as error:
        # The error may concern a jump before the bastion, or a certificate; asyncssh's text says
        # which.
        raise NotAuthorized(f"{bastion}: {error.reason}", hint=f"ssh {bastion.host}") from None
    except asyncssh.PermissionDenied:
        raise refused_login(str(bastion), bastion.host) from None
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
