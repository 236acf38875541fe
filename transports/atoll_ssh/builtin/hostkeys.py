"""Verification of host keys.

asyncssh compares keys with `known_hosts`. This module handles all other keys: the user can accept
an unknown host once, but not a changed key.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncssh
from attrs import define, frozen

from atoll.files import make_private
from atoll_ssh.builtin.questions import Questions
from atoll_ssh.user_questions import HostKeyRefused

_DEFAULT_PORT = 22


@frozen
class OfferedKey:
    """A key that a host has sent and that is in no file of known hosts.

    `changed` says that another key of this host is known.
    """

    host: str
    port: int
    key: asyncssh.SSHKey
    changed: bool

    @property
    def name(self) -> str:
        """The host, as written in `known_hosts`."""
        return self.host if self.port == _DEFAULT_PORT else f"[{self.host}]:{self.port}"

    @property
    def fingerprint(self) -> str:
        """The key's algorithm and SHA-256 fingerprint, as `ssh-keygen -l` shows them."""
        return f"{self.key.get_algorithm()} {self.key.get_fingerprint()}"

    def line(self) -> str:
        """Return the line for `known_hosts`."""
        algorithm, body, *_comment = self.key.export_public_key().decode().split()
        return f"{self.name} {algorithm} {body}\n"


@define
class Watch(asyncssh.SSHClient):
    """Records an unknown host key and refuses it; passes the host's questions on to the user."""

    files: Sequence[str]
    questions: Questions
    offered: OfferedKey | None = None

    def kbdint_auth_requested(self) -> str | None:
        """Allow the host to ask questions if a user can answer."""
        return "" if self.questions.begin() else None

    async def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Any
    ) -> Any:
        """Ask the user; None cancels the login."""
        del name, lang
        return await self.questions.put(instructions, prompts)

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        """Record and refuse a key; asyncssh calls this only for unknown keys."""
        port_in_file = None if port == _DEFAULT_PORT else port
        known: Any = asyncssh.match_known_hosts(
            as_asyncssh_files(self.files), host, addr, port_in_file
        )
        self.offered = OfferedKey(host, port, key, changed=bool(known[0]))
        return False


def known_hosts_files(options: asyncssh.SSHClientConnectionOptions) -> list[str]:
    """Return the existing files of known hosts, from `~/.ssh/config` or the default."""
    named: Any = options.known_hosts
    files = named or [_default_file(), "/etc/ssh/ssh_known_hosts"]
    return [str(path) for file in files if (path := Path(file).expanduser()).is_file()]


def as_asyncssh_files(files: Sequence[str]) -> Any:
    """Return the files in the form that asyncssh needs. Without files this is not an empty list,
    which would mean asyncssh's default files.
    """
    return list(files) or b""


def pin_file(options: asyncssh.SSHClientConnectionOptions) -> Path:
    """Return the file to which accepted hosts are added."""
    named: Any = options.known_hosts
    return Path(named[0] if named else _default_file()).expanduser()


def _default_file() -> str:
    return str(Path.home() / ".ssh" / "known_hosts")


def pin(file: Path, offered: OfferedKey) -> None:
    """Add a host to a file of known hosts; raises HostKeyRefused if the file can't be written."""
    try:
        make_private(file.parent)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a+b") as known:
            known.write(_missing_newline(known) + offered.line().encode())
    except OSError as error:
        raise HostKeyRefused(f"{offered.name} can't be added to {file}: {error.strerror}") from None


def _missing_newline(known: Any) -> bytes:
    if not known.seek(0, os.SEEK_END):
        return b""
    known.seek(-1, os.SEEK_END)
    return b"" if known.read(1) == b"\n" else b"\n"
