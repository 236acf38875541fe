"""Answers the questions of `ssh` at a login: unknown hosts, codes, passwords and passphrases."""

import json
import os
import re
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import trio
from attrs import define, field

from atoll import AtollError, Context, Paths
from atoll.files import write_atomic
from atoll_ssh.openssh import askpass
from atoll_ssh.user_questions import (
    APPROVAL_TIMEOUT,
    LOGIN_TIMEOUT,
    accepts_key,
    interactive_context,
    prompt_name,
    shown,
)

T = TypeVar("T")
_MOST_QUESTIONS = 8
_LONGEST = 2**14
_NEW_HOST = re.compile(r"authenticity of host '(\S+)[^']*' can't be established")
_FINGERPRINT = re.compile(r"^(\S+) key fingerprint is (\S+?)\.?$", re.MULTILINE)
_WHO = re.compile(r"^\([^()]*\) ")
"""What newer releases put before the questions of a host."""
_WARNING = "Warning:"
"""What `ssh` itself says of a new host."""
_WRAPPER = """#!/bin/sh
exec "$ATOLL_ASK_PYTHON" -I -S "$ATOLL_ASK_PROGRAM" "$1"
"""


@define(eq=False)
class Questions:
    """The questions of one login; the same question is not answered twice.

    `unanswered` is the question that was asked while no user could answer, `unknown` the host and
    the key that nobody has accepted. `log_text` returns what `ssh` has written so far,
    which includes what a host says with its questions.
    """

    log_text: Callable[[], str]

    unanswered: str = field(default="", init=False)
    unknown: tuple[str, str] | None = field(default=None, init=False)
    _context: Context | None = field(factory=interactive_context, init=False)
    _answered: set[str] = field(factory=set, init=False)
    _failure: AtollError | None = field(default=None, init=False)
    _limit: trio.CancelScope = field(factory=trio.CancelScope, init=False)
    _shown: int = field(default=0, init=False)
    """How many lines of it the user has seen."""

    @property
    def was_asked(self) -> bool:
        """Whether the user has answered a question about the login."""
        return bool(self._answered)

    async def during(self, path: Path, log_in: Callable[[dict[str, str]], Awaitable[T]]) -> T:
        """Await a login, which gets the environment for `ssh`, and answer at a socket meanwhile.

        Raises the errors of the login and of asking the user, and trio.TooSlowError if the login
        takes too long; the time in which the user types does not count.
        """
        failure: Exception | None = None
        with self._limit:
            self._set_time_left(LOGIN_TIMEOUT)
            async with trio.open_nursery() as nursery:
                await nursery.start(self._serve, path)
                try:
                    return await log_in(_environment(path))
                except Exception as error:  # noqa: BLE001 - raised below, in no group
                    failure = error
                finally:
                    nursery.cancel_scope.cancel()
        raise self._failure or failure or trio.TooSlowError

    def _set_time_left(self, seconds: float) -> None:
        self._limit.deadline = trio.current_time() + seconds

    async def _serve(
        self, path: Path, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
            listening.listen()
            listening.setblocking(False)
            listener = trio.SocketListener(trio.socket.from_stdlib_socket(listening.dup()))
        async with listener:
            task_status.started()
            for _ in range(_MOST_QUESTIONS):
                async with await listener.accept() as asking:
                    await self._answer(asking)
        await trio.sleep_forever()

    async def _answer(self, asking: trio.SocketStream) -> None:
        """Answer one question; `ssh` may also end while the user types."""
        try:
            prompt, kind = await _question(asking)
            answer = await self._put(prompt, kind)
            if answer is not None:
                await asking.send_all(askpass.YES + answer.encode())
        except AtollError as error:
            self._failure = error
        except (trio.BrokenResourceError, ValueError):
            return

    async def _put(self, prompt: str, kind: str) -> str | None:
        if host := _NEW_HOST.search(prompt):
            return await self._accept(host[1], prompt)
        name = prompt_name(_WHO.sub("", prompt))
        if self._context is None:
            self.unanswered = name
            return None
        if name in self._answered:
            return None
        if kind == "none":
            self._context.output.note(shown(prompt))
            await trio.sleep_forever()  # until ssh ends the program that asks
        if kind == "confirm":
            return "yes" if await self._context.confirm(name) else None
        return await self._ask(self._context, name)

    async def _ask(self, context: Context, name: str) -> str:
        self._answered.add(name)
        self._show(context)
        self._set_time_left(float("inf"))
        try:
            return await context.ask(name, hidden=True)
        finally:
            self._set_time_left(APPROVAL_TIMEOUT)

    def _show(self, context: Context) -> None:
        lines = self.log_text().splitlines()
        for line in lines[self._shown :]:
            if line.strip() and not line.startswith(_WARNING):
                context.output.note(shown(line))
        self._shown = len(lines)

    async def _accept(self, host: str, prompt: str) -> str:
        key = _FINGERPRINT.search(prompt)
        fingerprint = shown(" ".join(key.groups())) if key else "no fingerprint"
        self._set_time_left(float("inf"))
        if await accepts_key(shown(host), fingerprint):
            self._set_time_left(APPROVAL_TIMEOUT)
            return "yes"
        self.unknown = (shown(host), fingerprint)
        return "no"


async def _question(asking: trio.SocketStream) -> tuple[str, str]:
    """Read a question and its kind; raises ValueError."""
    received = bytearray()
    async for chunk in asking:
        received += chunk
        if len(received) > _LONGEST:
            break
    prompt, kind = json.loads(received)
    return str(prompt), str(kind)


def _environment(path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "SSH_ASKPASS": str(_wrapper()),
        "SSH_ASKPASS_REQUIRE": "force",
        # Older releases use SSH_ASKPASS only with a display, and none is opened.
        "DISPLAY": os.environ.get("DISPLAY") or "none",
        "ATOLL_ASK": str(path),
        "ATOLL_ASK_PYTHON": sys.executable,
        "ATOLL_ASK_PROGRAM": str(askpass.__file__),
    }


def _wrapper() -> Path:
    """Return the program that starts `askpass`, since `ssh` starts one without arguments.

    It is in the state folder, as programs can't be run from every temporary folder.
    """
    file = Paths.from_environment().state / "ssh" / "askpass"
    if not file.exists():
        write_atomic(file, _WRAPPER, mode=0o700)
    return file
