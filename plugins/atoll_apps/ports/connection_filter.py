"""Which processes may connect to a local port: those of this user, or all if it is shared."""

import os
import pwd
import socket
from collections.abc import Callable

import trio
from attrs import define, field

from atoll_apps.ports.peers import ROOT, owner_of_peer

_REPEAT_AFTER = 60.0
"""Seconds before the same warning is shown again."""
_REMEMBERED = 100


@define
class LimitedWarnings:
    """Shows warnings that others can cause on purpose, so their number is limited: each once a
    minute, and only a few at a time.
    """

    say: Callable[[str], None]
    _shown: dict[str, float] = field(factory=dict)

    def warn(self, text: str) -> None:
        """Show a warning, unless it was shown in the last minute."""
        now = trio.current_time()
        self._shown = {shown: at for shown, at in self._shown.items() if now - at < _REPEAT_AFTER}
        if text not in self._shown and len(self._shown) < _REMEMBERED:
            self._shown[text] = now
            self.say(text)


@define
class ConnectionFilter:
    """Decides which connections to one port are accepted; with `share`, all are.

    Root is accepted too: it can do everything that this user can, and port forwarders of containers
    and virtual machines run as root. `name` is the service behind the port, for warnings.
    """

    name: str
    warnings: LimitedWarnings
    share: bool = False

    async def accepts(self, stream: trio.SocketStream) -> bool:
        """Whether a connection is accepted; warns if it is not."""
        if self.share:
            return True
        owner = await owner_of_peer(stream.socket)
        if owner in {os.geteuid(), ROOT}:
            return True
        if owner is None and _has_left(stream):
            return False
        self.warnings.warn(
            f"{self.name}: a connection of {_account(owner)} was refused; --share lets others in"
        )
        return False


def _has_left(stream: trio.SocketStream) -> bool:
    """Whether the client has closed the connection without sending anything, as port scans do."""
    with socket.socket(fileno=os.dup(stream.socket.fileno())) as sock:
        try:
            return not sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError as error:
            return not isinstance(error, BlockingIOError)


def _account(owner: int | None) -> str:
    if owner is None:
        return "an unknown process"
    try:
        return f"another account, {pwd.getpwuid(owner).pw_name},"
    except KeyError:
        return f"another account, with user id {owner},"
