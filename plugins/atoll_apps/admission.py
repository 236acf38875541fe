"""Who gets through a port that is opened here: this user's own processes, unless others may too."""

import os
import pwd
import socket
from collections.abc import Callable

import trio
from attrs import define, field

from atoll_apps.peers import ROOT, owner_of_peer

_AGAIN = 60.0
"""Seconds in which the same is not told again."""
_REMEMBERED = 100


@define
class Remarks:
    """Tells what others can bring about as often as they like, each thing once a minute."""

    say: Callable[[str], None]
    _told: dict[str, float] = field(factory=dict)

    def tell(self, text: str) -> None:
        """Say it, unless that was done a moment ago."""
        now = trio.current_time()
        self._told = {said: at for said, at in self._told.items() if now - at < _AGAIN}
        if text not in self._told and len(self._told) < _REMEMBERED:
            self._told[text] = now
            self.say(text)


@define
class Admission:
    """Decides on the connections to one port; with `share` all are let in.

    Root is let in too: it can do all that this user can, and relays of containers and of virtual
    machines run as root. `name` is what the port leads to, in remarks on those that are refused.
    """

    name: str
    remarks: Remarks
    share: bool = False

    async def admits(self, stream: trio.SocketStream) -> bool:
        """Whether a connection gets through."""
        if self.share:
            return True
        owner = await owner_of_peer(stream.socket)
        if owner in {os.geteuid(), ROOT}:
            return True
        if owner is None and _has_left(stream):
            return False
        self.remarks.tell(
            f"{self.name}: a connection of {_account(owner)} was refused; --share lets others in"
        )
        return False


def _has_left(stream: trio.SocketStream) -> bool:
    """Whether the other end has gone without a word, as it does to see whether a port is open."""
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
