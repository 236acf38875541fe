"""Runs code once, and polls the cluster for its output (`POST /session/{s}`, every release).

If a stream were used, the end of its connection would interrupt the code. A run that is polled by
its id continues when a connection breaks, and can be polled again over the next one.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from attrs import field, frozen

from atoll import AtollError, ExitCode, Problem
from atoll.urls import path
from atoll_sessions.code import Code
from atoll_sessions.run_answers import TURN
from atoll_sessions.sweep.client import Client
from atoll_sessions.sweep.store import Stream

if TYPE_CHECKING:
    from atoll import Api

Show = Callable[[Stream, str], None]
Keep = Callable[[str, str], str]
_CONTINUE = {"mode": "continue", "code": "", "options": {}}
_STREAMS: Mapping[str, Stream] = {
    "stdout": "stdout",
    "stderr": "stderr",
    "html": "stdout",
    "log": "stderr",
}


class NeverRan(Exception):
    """The cluster does not know the run: the request for it was lost."""


@frozen
class Run:
    """One run of code in a session. `show` is called with its output. `keep` is called with the
    type and the data of each picture, and returns the text to show in its place.
    """

    client: Client
    session_id: str
    show: Show
    keep: Keep
    id: str = field(factory=lambda: uuid4().hex[:16])

    async def follow(self, code: Code) -> int:
        """Start the code and wait for its end; returns its exit code.

        Raises NeverRan if it may be started again, AtollError if it can't be run.
        """
        message = _start(code)
        while True:
            turn = await self._turn(message)
            message = _CONTINUE
            self._show(turn.get("console") or ())
            match turn.get("status"):
                case "finished":
                    return _exit_code(turn)
                case "exec-timeout":
                    self.show("stderr", "the cluster ended the run: it took too long\n")
                    return ExitCode.TIMED_OUT
                case "waiting-input":
                    raise AtollError("the code asks for input, which a sweep cannot give")
                case "build-finished" if _exit_code(turn):
                    self.show("stderr", f"the build failed with exit code {_exit_code(turn)}\n")

    async def _turn(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        times = 0

        async def ask(api: "Api") -> Mapping[str, Any]:
            nonlocal times
            times += 1
            # After the first request the cluster may know the run, so later requests only ask for
            # its output.
            return await self._ask(api, message if times == 1 else _CONTINUE)

        try:
            return await self.client.call(ask)
        except Problem as problem:
            if times > 1:
                raise NeverRan from problem
            raise

    async def _ask(self, api: "Api", message: Mapping[str, Any]) -> Mapping[str, Any]:
        # Releases disagree about which of the two spellings holds the id of the run.
        document = {**message, "runId": self.id, "run_id": self.id}
        route = path("session", self.session_id)
        answer = await api.json("POST", route, json=document, like={"result": TURN})
        turn: Mapping[str, Any] = answer["result"]
        return turn

    def _show(self, console: Any) -> None:
        for kind, value in console:
            if kind in _STREAMS:
                self.show(_STREAMS[kind], value)
            elif kind == "media":
                mime, data = value
                self.show(
                    "stdout", data if mime == "text/plain" else f"[{self.keep(mime, data)}]\n"
                )


def _start(code: Code) -> dict[str, Any]:
    steps = {"clean": code.clean, "build": code.build, "exec": code.exec}
    options = steps if code.mode == "batch" else {}
    return {"mode": code.mode, "code": code.snippet, "options": options}


def _exit_code(turn: Mapping[str, Any]) -> int:
    return int(turn.get("exitCode") or 0)
