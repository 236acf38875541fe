"""The front door of a job: runs one statement in a process of its own.

The process keeps the folder in which the job was started, and neither the job nor the prompt blocks
the other. They are connected by a socket: the prompt sends the task, the job sends messages about
its progress. The socket is closed when the prompt ends, and then the job ends, too.
"""

import json
import pickle
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import frozen

from atoll._background_part import BackgroundPart
from atoll._errors import AtollError, ExitCode
from atoll._jobs import Job, Jobs, current_job
from atoll._program import Program
from atoll._syntax import AndOr, SimpleCommand
from atoll._target import FixedTarget
from atoll._variables import Values
from atoll._warnings import warn

if TYPE_CHECKING:
    import trio

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""Signals that a job handles. It is started with these blocked, and unblocks them before it does
anything else, since threads and programs inherit what is blocked.
"""


@frozen
class Task:
    """What the prompt sends to a job: the statement, and the options, profile and folder for it."""

    node: SimpleCommand | AndOr
    kept: Mapping[str, Values]
    """The variables of the line."""
    files: tuple[str, ...]
    program_name: str
    plugins: bool
    target: FixedTarget
    skip_tls_check: bool
    timeout: float | None
    output_format: str
    keep_going: bool = False
    names_lines: bool = False
    echo: bool = False

    @classmethod
    def of(
        cls, part: BackgroundPart, program: Program, output_format: str, **options: bool
    ) -> "Task":
        """Return the task for a part of a line that is moved to the background now."""
        settings = program.settings
        return cls(
            part.node,
            part.variables.kept,
            part.files,
            sys.argv[0],
            program.takes_plugins,
            program.target.keep(),
            settings.skip_tls_check,
            settings.timeout,
            output_format,
            **options,
        )


def main(load: Callable[[bool], Program], descriptor: int) -> int:
    """Run the job whose task is read from a socket; returns its exit code."""
    early = _unblock()
    prompt = socket.socket(fileno=descriptor)
    try:
        with prompt.makefile("rb") as file:
            task: Task = pickle.load(file)  # noqa: S301  # only the prompt that has started this process can write to the socket
    except (EOFError, OSError, pickle.UnpicklingError):
        return ExitCode.INTERRUPTED  # the job was ended before it received its task
    sys.argv[0] = task.program_name
    try:
        return _run(load(task.plugins), task, prompt, early)
    except AtollError as error:
        warn(str(error))
        return error.exit_code


def _unblock() -> list[int]:
    """Unblock the signals; returns a list that gets those which come before they can be handled."""
    early: list[int] = []
    for number in SIGNALS:
        signal.signal(number, lambda number, _frame: early.append(number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    return early


def _run(program: Program, task: Task, prompt: socket.socket, early: Sequence[int]) -> int:
    from atoll import _runtime

    settings = program.settings
    settings.profile_name = task.target.name
    settings.skip_tls_check, settings.timeout = task.skip_tls_check, task.timeout
    program.target.begin(task.target.choice)
    program.show_progress = _Progress(prompt).show
    guest = program.needs_asyncio()
    return _runtime.run(_attended, program, task, prompt, early, guest=guest)


async def _attended(
    program: Program, task: Task, prompt: socket.socket, early: Sequence[int]
) -> int:
    """Run the statement until it ends, or until the prompt has ended."""
    import trio

    from atoll._interpreter import Interpreter
    from atoll._runner import Runner
    from atoll._terminal import Source

    runner = Runner(program, Jobs(), Source(None), task.output_format, foreground=False)
    program.variables.kept.update(task.kept)
    interpreter = Interpreter(
        runner,
        program.variables,
        task.keep_going,
        names_lines=task.names_lines,
        echo=task.echo,
        files=task.files,
    )
    job, code = Job(task.node.text), int(ExitCode.INTERRUPTED)
    current_job.set(job)
    with trio.open_signal_receiver(*SIGNALS) as signals:
        for number in early:
            signal.raise_signal(number)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_end_with, prompt, nursery.cancel_scope)
            nursery.start_soon(_end_on_signal, signals, job, nursery.cancel_scope)
            with trio.CancelScope() as job.scope:
                code = await interpreter.run([task.node])
            nursery.cancel_scope.cancel()
    await program.aclose()
    return code


async def _end_with(prompt: socket.socket, all_of_it: "trio.CancelScope") -> None:
    """Cancel the job when the prompt has ended."""
    import trio

    await trio.lowlevel.wait_readable(prompt)
    all_of_it.cancel()


async def _end_on_signal(
    signals: AsyncIterator[int], job: Job, all_of_it: "trio.CancelScope"
) -> None:
    """Interrupt the job at Ctrl-C and `kill`; other signals mean that the prompt has ended."""
    async for number in signals:
        (job.scope if number == signal.SIGINT and job.scope else all_of_it).cancel()
        # The same signal a second time ends the process at once.
        signal.signal(number, signal.SIG_DFL)


class _Progress:
    """Sends progress messages to the prompt; those that do not fit into the socket are dropped."""

    def __init__(self, prompt: socket.socket) -> None:
        self._prompt = prompt

    def show(self, text: str) -> None:
        with suppress(OSError):
            self._prompt.send(json.dumps(text).encode() + b"\n", socket.MSG_DONTWAIT)
