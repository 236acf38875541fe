"""One execution of code: its events so far, and the connections that follow it."""

from __future__ import annotations

import base64
from collections import deque

from .link import encode
from .stdin import WINDOW, InputPipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .link import Link
    from .loop import Loop, Timer

LARGEST_HISTORY = 1024 * 1024
"""Bytes of events that are stored for later followers of a run; the log contains more."""


class Follower:
    """A connection that receives the events of a run, and a note about output that it missed."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._missed = 0

    def send(self, line: bytes) -> None:
        if self._missed:
            self.link.send(left_out(self._missed))
            self._missed = 0
        self.link.send_line(line)

    def leave_out(self, line: bytes) -> None:
        self._missed += len(line)


class ActiveRun:
    """A run that waits, runs or has ended; it goes on if all followers disconnect.

    Each event is sent to every follower and stored in a history of limited size. While a follower
    reads too slowly, the program must wait to print (`on_pressure`), but only for `patience`
    seconds; after that, this follower misses output. Without followers, the program never waits.

    The standard input of a `piped` run is the pipe `input`, and the client sends its bytes. Other
    runs have no input until they ask for a line.
    """

    def __init__(self, loop: Loop, patience: float, request: dict[str, Any]) -> None:
        self.run_id: str = request["run_id"]
        self.mode: str = request["mode"]
        self.code: str = request["code"]
        self.options: dict[str, Any] = request["options"]
        self.input = InputPipe(loop, self._allow_input) if request["piped"] else None
        self._patience = patience
        self.finished = False
        self.on_pressure: Callable[[bool], None] = lambda _high: None
        self._loop = loop
        self._history: deque[bytes] = deque()
        self._size = self._dropped = 0
        self._followers: list[Follower] = []
        self._waiting: Timer | None = None
        self._waited_too_long = False

    def follow(self, link: Link) -> None:
        """Send all stored events to `link`, then each new event."""
        if self._dropped:
            link.send(left_out(self._dropped))
        for line in self._history:
            link.send_line(line)
        self._followers.append(Follower(link))
        link.on_relief = self._check_followers
        self._check_followers()
        if self.input is not None and not self.input.is_ending:
            self._allow_input(WINDOW - self.input.size)

    @property
    def is_cut_off(self) -> bool:
        """Whether the input has not ended, but no follower is left to send the rest."""
        is_open = self.input is not None and not self.input.is_ending
        return is_open and not self.finished and not self._followers

    def unfollow(self, link: Link) -> None:
        self._followers = [follower for follower in self._followers if follower.link is not link]
        self._check_followers()

    def emit(self, event: dict[str, Any]) -> None:
        """Send and store an event; slow followers may miss output, but no other events."""
        line = encode(event)
        self._keep(line)
        may_wait = event["event"] == "output"
        for follower in list(self._followers):
            if may_wait and self._waited_too_long and follower.link.lagging:
                follower.leave_out(line)
            else:
                follower.send(line)
        self._check_followers()

    def finish(self, exit_code: int) -> None:
        self._end_pressure()
        self.finished = True
        if self.input is not None:
            self.input.close()
        self.emit({"event": "finished", "exit_code": exit_code})

    def _allow_input(self, size: int) -> None:
        """Allow the client to send `size` more bytes of input."""
        line = encode({"event": "room", "size": size})
        for follower in self._followers:
            follower.send(line)

    def _keep(self, line: bytes) -> None:
        self._history.append(line)
        self._size += len(line)
        while self._size > LARGEST_HISTORY and len(self._history) > 1:
            oldest = len(self._history.popleft())
            self._size -= oldest
            self._dropped += oldest

    def _check_followers(self) -> None:
        if self.finished:
            return
        if not any(follower.link.lagging for follower in self._followers):
            self._end_pressure()
        elif self._waiting is None:
            self._waiting = self._loop.later(self._patience, self._stop_waiting)
            self.on_pressure(True)

    def _end_pressure(self) -> None:
        self._waited_too_long = False
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
            self.on_pressure(False)

    def _stop_waiting(self) -> None:
        self._waited_too_long = True
        self.on_pressure(False)


def output(stream: str, text: str) -> dict[str, Any]:
    """Create an output event; if the text has surrogate escapes, its bytes are sent in base64."""
    try:
        text.encode()
    except UnicodeEncodeError:
        data = base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()
        return {"event": "output", "stream": stream, "data": data}
    return {"event": "output", "stream": stream, "text": text}


def left_out(size: int) -> dict[str, Any]:
    """Create the event that replaces dropped events."""
    return output("stderr", f"[{size} bytes of events were left out here; the log has more]\n")
