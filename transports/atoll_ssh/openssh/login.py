"""Starts an `ssh` that keeps a connection open, and explains its errors."""

import os
import re
import shlex
import subprocess
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Self

import trio
from attrs import frozen

from atoll import AtollError, ConfigError, NotAuthorized, Unreachable, current_context
from atoll.transport import NotSent
from atoll_ssh.openssh.folder import MasterFolder, new_folder
from atoll_ssh.openssh.mux import MuxClient, MuxGone, MuxRefused
from atoll_ssh.openssh.questions import Questions
from atoll_ssh.openssh.target import RELAY_CIPHERS, Settings, Target, cipher_options
from atoll_ssh.relay_greeting import USER
from atoll_ssh.user_questions import (
    HostKeyRefused,
    NoTerminal,
    changed_key,
    refused_login,
    unknown_key,
    wrong_answer,
)

_CONNECT_TIMEOUT = 10
_EXIT_TIMEOUT = 2.0
_PERSIST = "ATOLL_SSH_PERSIST"
_DEFAULT_PERSIST = 60
_OWN_PERSIST = 10
"""Seconds in which an `ssh` that is not shared must get its first use, also on a busy machine."""
_COMMON = {
    "ControlMaster": "yes",
    "ServerAliveInterval": "15",
    "ServerAliveCountMax": "4",
    # Otherwise a configuration might make it write nothing about its errors.
    "LogLevel": "INFO",
}
_HOST = {
    "ConnectTimeout": str(_CONNECT_TIMEOUT),
    "NumberOfPasswordPrompts": "1",
    "ClearAllForwardings": "yes",
    "ExitOnForwardFailure": "no",
}
_RELAY = {
    "StrictHostKeyChecking": "no",
    "UserKnownHostsFile": "/dev/null",
    "GlobalKnownHostsFile": "/dev/null",
    "PreferredAuthentications": "none",
    "ConnectTimeout": "30",
    "ControlPersist": str(_OWN_PERSIST),
}
"""The relay requires no login, and only it has the other end of the command's streams."""
_THROUGH = ("BatchMode=yes", "ControlMaster=no", "ProxyCommand=false")
"""Settings of an `ssh` that uses the connection of another one, and opens none itself."""
_SHARED_KEY = r"The fingerprint for the (\S+) key sent by the remote host is\s+(\S+?)\.?\s"


@frozen
class Master:
    """An `ssh` that listens at a socket; while the client is open, it keeps its connection to the
    host. `folder` is None if the user has started it; `is_shared` tells whether other processes may
    use it.
    """

    socket: Path
    client: MuxClient
    folder: MasterFolder | None = None
    is_shared: bool = True

    @classmethod
    async def at(cls, folder: MasterFolder, *, is_shared: bool) -> Self:
        """Return the `ssh` of a folder; raises MuxGone."""
        return cls(folder.socket, await MuxClient.connect(folder.socket), folder, is_shared)

    async def end(self) -> None:
        """End it, if it is not the user's own."""
        await self.client.aclose()
        if self.folder is not None:
            with trio.move_on_after(_EXIT_TIMEOUT, shield=True), suppress(MuxGone, MuxRefused):
                async with await MuxClient.connect(self.socket) as client:
                    await client.terminate()
            self.folder.remove()


async def log_in(target: Target, settings: Settings, *, persist: int) -> Master:
    """Connect to a host; the connection stays open for `persist` seconds after its last use, and is
    shared, unless that is 0.

    Raises NotSent if it does not answer, NotAuthorized if it refuses the user or its key is not
    trusted, NoTerminal if it asks for a code and no user can type it, ConfigError for errors in
    `~/.ssh`, and Unreachable in all other cases.
    """
    folder, name = new_folder(settings.key), str(target.bastion)
    questions = Questions(folder.log_text)
    options = _words({**_COMMON, **_HOST, "ControlPersist": str(persist or _OWN_PERSIST)})
    command = [
        *("ssh", "-M", "-N", "-x", "-a", "-S", str(folder.socket), "-E", str(folder.log)),
        *(*target.options, *options, *cipher_options(settings["ciphers"]), *target.host),
    ]
    try:
        start = partial(_start, command, folder)
        if not await questions.during(folder.questions, start):
            return await _logged_in(folder, settings.key if persist else "")
    except BaseException as error:
        folder.remove()
        if isinstance(error, MuxGone | trio.TooSlowError):
            raise NotSent(f"the login to {name} does not end: {error}") from None
        raise
    output = folder.log_text()
    folder.remove()
    raise explained(name, target.bastion.host, output, questions)


async def _logged_in(folder: MasterFolder, key: str) -> Master:
    master = await Master.at(folder, is_shared=bool(key))
    if key:
        folder.share(key)
    return master


async def log_in_at_relay(name: str, target: Target, through: Path, relay: str) -> Master:
    """Connect to the relay that a command starts, over the connection of another `ssh`.

    Raises NotSent if no relay answers.
    """
    carrier = ["ssh", *target.options, "-T", "-x", "-a", "-S", str(through)]
    for setting in _THROUGH:
        carrier += ["-o", setting]
    proxy = shlex.join([*carrier, *target.host, relay]).replace("%", "%%")
    folder = new_folder("relay")
    options = _words({**_COMMON, **_RELAY, "ProxyCommand": proxy})
    command = [
        *("ssh", "-F", "none", "-M", "-N", "-x", "-a", "-S", str(folder.socket)),
        *("-E", str(folder.log), *options, *cipher_options(RELAY_CIPHERS), f"{USER}@{USER}"),
    ]
    try:
        if not await _start(command, folder, {**os.environ, "SHELL": "/bin/sh"}):
            return await Master.at(folder, is_shared=False)
    except BaseException as error:
        folder.remove()
        if isinstance(error, MuxGone):
            raise NotSent(f"the relay at {name} was lost: {error}") from None
        raise
    output = folder.log_text()
    folder.remove()
    reason = "it ends without a message" if "Connection closed" in output else _last_line(output)
    raise NotSent(f"no relay runs at {name}: {reason}")


async def _start(command: list[str], folder: MasterFolder, environ: dict[str, str]) -> int:
    """Start an `ssh`; returns 0 when it has logged in and continues in the background.

    It gets no terminal, so that Ctrl-C there ends no connection that other processes use.
    """
    with folder.log.open("ab") as log:
        ended = await trio.run_process(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=environ,
            # It would keep the current folder in use.
            cwd=Path.home(),
        )
    return ended.returncode


def _words(settings: dict[str, str]) -> list[str]:
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def persistence() -> int:
    """Return how many seconds an unused connection stays open."""
    context = current_context.get()
    if context is not None:
        return max(0, int(context.settings["ssh.persist"]))
    text = os.environ.get(_PERSIST, "")
    return int(text) if text.isdecimal() else _DEFAULT_PERSIST


def explained(name: str, host: str, output: str, questions: Questions) -> AtollError | NotSent:
    """Return the error for a login that has failed, after what `ssh` has written."""
    if "HOST IDENTIFICATION HAS CHANGED" in output:
        return _changed(host, output)
    if questions.unknown:
        return unknown_key(*questions.unknown)
    if "Host key verification failed" in output:
        line = _line_with("host key is known", output) or "its host key is not known"
        return HostKeyRefused(f"{name}: {line}", hint=f"ssh {host}")
    if "Permission denied" in output or "Too many authentication failures" in output:
        if questions.unanswered:
            return NoTerminal(name, host, questions.unanswered)
        return wrong_answer(name) if questions.was_asked else refused_login(name, host)
    return _unreachable(name, output)


def _unreachable(name: str, output: str) -> AtollError | NotSent:
    if found := re.search(r"Could not resolve hostname (\S+):", output):
        return NotSent(f"there is no host {found[1]}")
    if found := re.search(r"connect to (?:host|address) \S+ port \d+: (.+)", output):
        if "timed out" in found[1]:
            return NotSent(f"{name} does not answer within {_CONNECT_TIMEOUT} s")
        return NotSent(f"can't connect to {name}: {found[1].strip().lower()}")
    if "timed out" in output:
        return NotSent(f"{name} does not answer within {_CONNECT_TIMEOUT} s")
    if "Bad owner or permissions" in output or "configuration option" in output:
        return ConfigError(_last_line(output), hint="see ~/.ssh/config")
    return Unreachable(f"no SSH connection to {name}: {_last_line(output)}")


def _changed(host: str, output: str) -> NotAuthorized:
    key = re.search(_SHARED_KEY, output)
    file = re.search(r"Offending \S+ key in (.+):\d+", output)
    known = re.search(r"[Hh]ost key for (\S+) has changed", output)
    fingerprint = " ".join(key.groups()) if key else "another one"
    return changed_key(known[1] if known else host, fingerprint, file[1] if file else "your files")


def _line_with(words: str, output: str) -> str:
    return next((line.strip() for line in output.splitlines() if words in line), "")


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "ssh says nothing"
