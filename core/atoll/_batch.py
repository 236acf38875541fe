"""Front door 2: runs lines from a pipe, a file or `-c`, one after the other."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import trio
from attrs import define, field

from atoll._errors import AtollError, ExitCode
from atoll._interpreter import Exited, Interpreter
from atoll._interrupts import ending_in_order
from atoll._jobs import Jobs
from atoll._line import Assembler
from atoll._program import Program
from atoll._progress import Progress, progress
from atoll._runner import JobControl, Runner
from atoll._script_file import may_move
from atoll._syntax import AndOr, For, Let, LineError, Node, SimpleCommand
from atoll._terminal import Source, open_terminal
from atoll._warnings import warn

if TYPE_CHECKING:
    from atoll._checkpoint import Checkpoint


@define
class Batch:
    """A script. It stops at the first failure, with its exit code.

    With `keep_going` it runs to its end; the exit code is still that of the first failure. `echo`
    shows each statement before it runs. `checkpoint` is a file with the statements that are done;
    `resume` skips these. `total` is the number of lines, 0 if it is not known.
    """

    program: Program
    keep_going: bool = False
    output_format: str = ""
    echo: bool = False
    checkpoint: Path | None = None
    resume: bool = False
    total: int = 0

    async def run(self, script: Source, *, stdin: Source | None = None) -> int:
        """Run all lines, then wait for the background jobs; returns the exit code.

        Raises AtollError for a checkpoint that can't be used.
        """
        await trio.to_thread.run_sync(self.program.target.begin)
        done = None
        if self.checkpoint is not None:
            script, done = await self._open_checkpoint(script, self.checkpoint)
            if done.is_complete:
                self.program.output().note(f"{self.checkpoint}: all lines were run before")
                return ExitCode.OK
        with progress(self.total) as shown:
            run = partial(self._run_all, script, stdin, _Log(done, shown))
            code = await ending_in_order(run)
        await self.program.aclose()
        if done is not None:
            done.close(complete=not code)
        return code

    async def _open_checkpoint(self, script: Source, path: Path) -> "tuple[Source, Checkpoint]":
        """Read the whole script, and which of its statements are done."""
        from atoll._checkpoint import Checkpoint

        text = (await script.rest()).decode("utf-8", "replace")
        begin = partial(Checkpoint.open, path, self.program, text, resume=self.resume)
        done = await trio.to_thread.run_sync(begin, abandon_on_cancel=True)
        if done.last_line and not done.is_complete:
            self.program.output().note(f"line {done.last_line} is the last one that was done")
        return Source.of_text(text), done

    async def _run_all(self, script: Source, stdin: Source | None, log: "_Log") -> int:
        async with trio.open_nursery() as nursery:
            jobs = Jobs(nursery, limit=log.done.jobs_limit if log.done else 0)
            moves = await may_move(script)
            # Standard input contains the script, so commands read their input from the terminal.
            stdin = stdin or Source(open_terminal())
            runner = Runner(self.program, jobs, stdin, self.output_format)
            runner.script_control = partial(self._control, jobs, moves)
            interpreter = Interpreter(
                runner,
                self.program.variables,
                self.keep_going,
                names_lines=True,
                echo=self.echo,
                ends_at_exit=True,
            )
            try:
                code = await self._run_lines(script, interpreter, log)
            except Exited as exited:
                code = exited.code
        return code or jobs.first_failure()

    def _control(self, jobs: Jobs, moves: Callable[[], bool]) -> JobControl | None:
        """Return what runs a job as a process, if the script may change its folder meanwhile."""
        if not moves():
            return None
        from atoll._script_jobs import ScriptControl

        return ScriptControl.of(
            self.program,
            jobs,
            self.output_format,
            keep_going=self.keep_going,
            names_lines=True,
            echo=self.echo,
        )

    async def _run_lines(self, script: Source, interpreter: Interpreter, log: "_Log") -> int:
        first_failure = int(ExitCode.OK)
        number = 0
        async with aclosing(_statements(script)) as found:
            async for one in found:
                if isinstance(one, LineError):
                    warn(f"line {one.line}: {one}")
                    code = int(one.exit_code)
                else:
                    code = await log.run(number, one, interpreter)
                    number += 1
                first_failure = first_failure or code
                if interpreter.ends(code):
                    break
        return first_failure


@define
class _Log:
    """The progress of a script: the statements that are done, and the line on the terminal."""

    done: "Checkpoint | None"
    shown: Progress | None
    _lock: trio.Lock = field(factory=trio.Lock)

    async def run(self, number: int, node: Node, interpreter: Interpreter) -> int:
        """Run a node unless the checkpoint says that it is done; returns its exit code."""
        if self.done is not None and number in self.done.done:
            return ExitCode.OK
        if self.shown is not None:
            self._show(node)
        return await interpreter.run_one(
            node, partial(self._ended, number, node.line, interpreter.runner.jobs)
        )

    def _show(self, node: Node) -> None:
        assert self.shown  # noqa: S101  # callers have checked
        if _runs_system(node):
            self.shown.clear()  # what the node runs writes to the terminal itself
        else:
            self.shown.show(node.line, node.text)

    async def _ended(self, number: int, line: int, jobs: Jobs, code: int) -> None:
        """Record in the checkpoint that a node has ended; it may have run in the background."""
        if self.done is None or code:
            return
        try:
            async with self._lock:
                await trio.to_thread.run_sync(self.done.note, number, line, jobs.limit)
        except AtollError as error:
            warn(f"{error}: the checkpoint is not written any more")
            self.done = None


def _runs_system(node: Node) -> bool:
    """Whether a node runs commands of the system."""
    match node:
        case SimpleCommand():
            return bool(node.system or node.pipe)
        case Let():
            return _runs_system(node.value)
        case For():
            return any(map(_runs_system, node.body))
        case AndOr():
            return any(_runs_system(part) for _, part in node.parts)
        case _:
            return False


async def _statements(script: Source) -> AsyncGenerator[Node | LineError]:
    """Yield each statement as soon as its last line has arrived, and an error for lines that can't
    be parsed.
    """
    assembler = Assembler()
    mark = "\ufeff"  # some editors write it at the beginning of a file
    while (line := await script.line()) is not None:
        line, mark = line.removeprefix(mark), ""
        try:
            found = assembler.feed(line)
        except LineError as error:
            yield error
            continue
        for statement in found:
            yield statement
    try:
        assembler.close()
    except LineError as error:
        yield error
