"""One execution: what has happened in it so far, and who is told."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from .link import encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from .link import Link

KEPT = 1024 * 1024
"""Bytes of events kept for whoever follows a run later; the log holds more."""


class Run:
    """An execution that outlives those who follow it.

    Each event goes to every follower and into a bounded history. While a follower reads too slowly
    the program's output waits (`on_pressure`); with no follower, the oldest events are dropped.
    """

    def __init__(self, run_id: str, mode: str, code: str, options: dict[str, Any]) -> None:
        self.run_id, self.mode, self.code, self.options = run_id, mode, code, options
        self.finished = False
        self.on_pressure: Callable[[bool], None] = lambda _high: None
        self._pressed = False
        self._history: deque[bytes] = deque()
        self._size = self._dropped = 0
        self._followers: list[Link] = []

    def follow(self, link: Link) -> None:
        """Send all kept events to `link`, then each new one."""
        if self._dropped:
            note = f"[{self._dropped} bytes of earlier events are no longer kept]\n"
            link.send(output("stderr", note))
        for line in list(self._history):
            link.send_line(line)
        self._followers.append(link)
        link.on_relief = self._weigh
        self._weigh()

    def unfollow(self, link: Link) -> None:
        if link in self._followers:
            self._followers.remove(link)
            self._weigh()

    def emit(self, event: dict[str, Any]) -> None:
        line = encode(event)
        self._keep(line)
        for link in list(self._followers):
            link.send_line(line)
        self._weigh()

    def finish(self, exit_code: int) -> None:
        self.finished = True
        self.emit({"event": "finished", "exit_code": exit_code})

    def _keep(self, line: bytes) -> None:
        self._history.append(line)
        self._size += len(line)
        while self._size > KEPT and len(self._history) > 1:
            oldest = len(self._history.popleft())
            self._size -= oldest
            self._dropped += oldest

    def _weigh(self) -> None:
        pressed = any(link.lagging for link in self._followers)
        if pressed != self._pressed and not self.finished:
            self._pressed = pressed
            self.on_pressure(pressed)


def output(stream: str, text: str) -> dict[str, Any]:
    return {"event": "output", "stream": stream, "text": text}
