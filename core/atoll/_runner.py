"""Runs one statement, from its words to its exit code, the same behind all three front doors."""

import math
import shutil
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from functools import cache, partial
from typing import IO, TYPE_CHECKING, Any

import trio
from attrs import define, field

from atoll._commands import HelpAsked, NoSuchCommand, Prepared
from atoll._context import Context, current_context
from atoll._errors import AtollError, ExitCode, TimedOut, of_system
from atoll._jobs import Jobs
from atoll._line import Statement
from atoll._plugins import Origin, Provided, contained, culprit
from atoll._private_files import write_atomic
from atoll._program import Program, current_ask, current_note
from atoll._runtime import is_interrupt
from atoll._system import pipe_into, run_system
from atoll._terminal import Source
from atoll._warnings import warn
from atoll.hookspecs import INVOCATIONS
from atoll.output import current_output

if TYPE_CHECKING:
    from atoll._state import ShellState

_SIGPIPE_CODE = 128 + signal.SIGPIPE


@define
class Runner:
    """Runs statements for a front door.

    `where` puts words before an error message, such as the line of a script. `shell` is the prompt
    that the lines come from, if they come from one.
    """

    program: Program
    jobs: Jobs = field(factory=Jobs)
    stdin: Source = field(factory=Source)
    output_format: str = ""
    where: Callable[[Statement], str] = lambda _statement: ""
    shell: "ShellState | None" = None

    has_told: bool = field(default=False, init=False)
    """Whether the user knows already why the last statement has failed."""

    async def run(self, statement: Statement) -> int:
        """Run a statement; returns its exit code, having told the user of any error."""
        self.has_told = False
        current_output.set(None)
        if statement.background:
            job = self.jobs.start(statement.text, partial(self._run, statement, foreground=False))
            self.program.output().note(f"[{job.number}] {statement.text}")
            return ExitCode.OK
        return await self._run(statement, foreground=True)

    async def _run(self, statement: Statement, *, foreground: bool) -> int:
        try:
            if statement.system:
                return await run_system(statement.system, self.stdin.file, foreground=foreground)
            async with self._sink(statement) as sink:
                sink.code = await self._invoke(statement, sink.file, foreground=foreground)
        except Exception as error:  # noqa: BLE001  # the last place where an error can be told in one line
            return self._report(error, statement)
        return sink.code or sink.pipe_code

    async def _invoke(self, statement: Statement, stdout: IO[str], *, foreground: bool) -> int:
        try:
            prepared = self.program.tree.prepare(statement.words)
        except HelpAsked as asked:
            stdout.write(f"{asked}\n")
            stdout.flush()
            return ExitCode.OK
        with self._source(statement) as stdin:
            context = self._context(prepared, stdout, stdin, foreground=foreground)
            context.words = statement.words
            current_context.set(context)
            current_note.set(cache(context.output.note))
            current_ask.set(context.ask if context.can_ask else None)
            current_output.set(context.output)
            async with _around(self.program.registry.collect(INVOCATIONS), context):
                call = partial(self._bounded, partial(_guarded, prepared, context))
                try:
                    code = await _interruptible(call) if foreground else await call()
                except Exception as error:
                    if isinstance(told := _expected(error), AtollError):
                        context.output.finish(told.exit_code, str(told))
                    raise
                context.output.finish(code)
                self.has_told = context.output.has_warned
                return code

    async def _bounded(self, call: Callable[[], Awaitable[int]]) -> int:
        """Run a command for as long as the user allows; raises TimedOut after that."""
        seconds = self.program.settings.timeout
        with trio.move_on_after(math.inf if seconds is None else seconds):
            return await call()
        raise TimedOut(f"it took longer than the {seconds:g} s of --timeout")

    def _context(
        self, prepared: Prepared, stdout: IO[str], stdin: Source, *, foreground: bool
    ) -> Context:
        output = self.program.output(
            stdout=stdout, format=prepared.output_format or self.output_format
        )
        return Context(
            program=self.program,
            output=output,
            stdin=stdin if foreground else Source(None),
            jobs=self.jobs,
            connect=partial(self.program.connect, prepared.profile_name, output.note),
            profile_name=prepared.profile_name,
            foreground=foreground,
            shell=self.shell,
        )

    @contextmanager
    def _source(self, statement: Statement) -> Iterator[Source]:
        if statement.source is None:
            yield self.stdin
            return
        with _open(statement.source, "r") as file:
            yield Source(file)

    @asynccontextmanager
    async def _sink(self, statement: Statement) -> AsyncIterator["_Sink"]:
        """Open where the statement's output goes; a pipe's command is waited for."""
        if statement.pipe:
            with pipe_into(statement.pipe) as pipe:
                sink = _Sink(pipe.stdin or sys.stdout)
                try:
                    yield sink
                except BrokenPipeError:
                    pass  # a reader that has seen enough is no failure of the writer
                finally:
                    with suppress(BrokenPipeError):
                        sink.file.close()
                    sink.pipe_code = await trio.to_thread.run_sync(pipe.wait)
        elif statement.target is not None:
            with _open(statement.target, "a" if statement.append else "w") as file:
                yield _Sink(file)
        else:
            yield _Sink(sys.stdout)

    def _report(self, error: Exception, statement: Statement) -> int:
        self.has_told = True
        told = _expected(error)
        if isinstance(told, BrokenPipeError):
            return _SIGPIPE_CODE
        if isinstance(told, OSError):
            told = of_system(told)
        if isinstance(told, AtollError):
            if self.shell and isinstance(told, NoSuchCommand) and shutil.which(told.path[0]):
                told.hint = f"! {told.path[0]} runs the system's"
            _tell(self.where(statement), str(told))
            return told.exit_code
        _tell(self.where(statement), self._crash_report(error, statement))
        return ExitCode.FAILED

    def _crash_report(self, error: Exception, statement: Statement) -> str:
        text = "".join(traceback.format_exception(error))
        path = self.program.paths.state / "crash.log"
        told = (
            f"internal error in {self._culprit(error, statement)}: {type(error).__name__}: {error}"
        )
        with suppress(OSError):
            # What led to it may well be a word that is not in UTF-8.
            report = f"{statement.text}\n{text}".encode(errors="backslashreplace")
            write_atomic(path, report.decode())
            told += f" (details in {path})"
        return told

    def _culprit(self, error: Exception, statement: Statement) -> Origin | str:
        """Name the plugin whose code has failed, else the one whose command it was."""
        if origin := culprit(error, self.program.registry.origins.values()):
            return origin
        with suppress(AtollError):
            node, _ = self.program.tree.find(statement.words)
            if node.provided:
                return node.provided.origin
        return "atoll"


@define
class _Sink:
    file: IO[str]
    code: int = ExitCode.OK
    pipe_code: int = ExitCode.OK


def _open(path: Any, mode: str) -> IO[str]:
    try:
        file: IO[str] = path.open(mode, encoding="utf-8")
    except OSError as error:
        raise AtollError(f"{path}: {error.strerror}") from None
    return file


async def _guarded(prepared: Prepared, context: Context) -> int:
    return await prepared.call(context) or ExitCode.OK


async def _interruptible(call: Callable[[], Awaitable[int]]) -> int:
    """Run a command that Ctrl-C cancels, unless it takes Ctrl-C for itself.

    A signal that ends the process does so when the command has put its things away.
    """
    code, failure = int(ExitCode.INTERRUPTED), None
    deadly: list[int] = []
    with trio.open_signal_receiver(signal.SIGINT, *_deadly_signals()) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_on_signal, signals, nursery.cancel_scope, deadly)
            try:
                code = await call()
            except Exception as error:  # noqa: BLE001  # raised again below, outside the nursery's group
                failure = error
            except (KeyboardInterrupt, BaseExceptionGroup) as error:
                # Pressed before this listened, it comes up wherever the command is by then.
                if not is_interrupt(error):
                    raise
            nursery.cancel_scope.cancel()
    if deadly:
        with suppress(OSError):
            sys.stdout.flush()
        signal.raise_signal(deadly[0])
    if failure is not None:
        raise failure
    return code


def _deadly_signals() -> list[signal.Signals]:
    """Return the signals that would end the process: the prompt has its own ways, `nohup` too."""
    asked = (signal.SIGTERM, signal.SIGHUP)
    return [number for number in asked if signal.getsignal(number) is signal.SIG_DFL]


async def _cancel_on_signal(
    signals: AsyncIterator[int], scope: trio.CancelScope, deadly: list[int]
) -> None:
    async for number in signals:
        if number != signal.SIGINT:
            deadly.append(number)
            # The next one does not wait for anything.
            signal.signal(number, signal.SIG_DFL)
        scope.cancel()


def _tell(where: str, text: str) -> None:
    """Tell of an error, unless whoever reads standard error finds it in JSON there already."""
    output = current_output.get()
    if output is None or not output.has_told_failure:
        warn(f"{where}{text}")


def _expected(error: BaseException) -> BaseException:
    """Find what a user can be told in an error, or in a group of them."""
    if isinstance(error, BaseExceptionGroup):
        inner = [_expected(one) for one in error.exceptions]
        return next(
            (one for one in inner if isinstance(one, AtollError | BrokenPipeError)), inner[0]
        )
    return error


@asynccontextmanager
async def _around(invocations: list[Provided[Any]], context: Context) -> AsyncIterator[None]:
    """Enter what plugins want around a command; one that fails costs a warning."""
    async with AsyncExitStack() as stack:
        for provided in invocations:
            with contained(provided.origin, f"invocation {provided.record.name!r}", warn):
                around = provided.load()(context)
                await around.__aenter__()
                stack.push_async_exit(partial(_leave, around, provided))
        yield


async def _leave(around: Any, provided: Provided[Any], *exception: Any) -> bool:
    with contained(provided.origin, f"invocation {provided.record.name!r}", warn):
        try:
            await around.__aexit__(*exception)
        except BaseException as error:
            if error is not exception[1]:
                raise
    return False
