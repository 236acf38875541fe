"""Runs one statement, from its words to its exit code, for all three front doors."""

import math
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cache, partial
from typing import IO, TYPE_CHECKING, Any, Protocol

import trio
from attrs import define, field

from atoll._capture import Capture
from atoll._click_prompts import Printed
from atoll._commands import NoSuchCommand, before_command
from atoll._context import Context, current_context, fixed_target_of
from atoll._deferred import result_of
from atoll._errors import ExitCode, TimedOut, UsageError, is_interruption
from atoll._folder import folder_kept
from atoll._interrupts import interruptible
from atoll._invocations import plugin_contexts
from atoll._jobs import Job, Jobs, Then, job_words
from atoll._nested import run_captured, run_nested
from atoll._parsing import HelpAsked
from atoll._plugins import Origin, culprit
from atoll._preparing import Prepared
from atoll._private_files import write_atomic
from atoll._profile_prefix import names_several
from atoll._program import Program, current_ask, current_note
from atoll._protection import ask_first
from atoll._redirection import Sink, open_source, written
from atoll._reports import Ending, ending, exit_code, give_hint
from atoll._runtime import has_asyncio
from atoll._statement import Statement
from atoll._streams import real_stdout, streams_of
from atoll._system import run_system
from atoll._target import FixedTarget, fixed_target
from atoll._terminal import Source
from atoll._threads import in_thread
from atoll._timings import measured, reporting
from atoll._warnings import warn
from atoll.hookspecs import HINTS, INVOCATIONS
from atoll.output import Output, current_output
from atoll.text import quote

if TYPE_CHECKING:
    from contextvars import ContextVar

    from atoll._background_part import BackgroundPart
    from atoll._several import Share
    from atoll._state import ShellState

_FOR_PEOPLE = "table"
"""The only format whose output may also contain text that a command prints."""
_EXPLAINING = {
    ("config",),
    ("config", "list"),
    ("config", "get"),
    ("config", "set"),
    ("config", "unset"),
    ("doctor",),
    ("help",),
}
"""Commands that report or repair wrong settings, and therefore run in spite of wrong settings."""
_FOR_VARIABLES = "value"
"""The name of the format while `let` or `for` captures the output of a command."""


class JobControl(Protocol):
    """Runs programs of the system, and jobs, as processes of a prompt."""

    @property
    def takes_system(self) -> bool:
        """Whether programs of the system can use the terminal."""

    async def run_system(self, statement: Statement) -> int:
        """Run a program of the system in the foreground; returns its exit code."""

    def start(self, part: "BackgroundPart", then: Then | None = None) -> Job:
        """Start a part of a line in the background; `then` is called with its exit code."""


@define
class Runner:
    """Runs statements for a front door.

    `shell` is the prompt that the lines come from, None for a script. `foreground` is false for
    statements that run in the background. `capture` keeps what the statements write. A `nested`
    runner runs lines for a command, and starts no jobs; nor does one that runs a line for one of
    several profiles, its `share`. `control` runs the jobs of a prompt. `script_control` returns
    what runs a job of a script as a process, None if the job can run in this one.
    """

    program: Program
    jobs: Jobs = field(factory=Jobs)
    stdin: Source = field(factory=Source)
    output_format: str = ""
    shell: "ShellState | None" = None
    foreground: bool = True
    capture: Capture | None = None
    nested: bool = False
    control: JobControl | None = None
    script_control: Callable[[], JobControl | None] = lambda: None
    share: "Share | None" = None

    has_reported: bool = field(default=False, init=False)
    """Whether the user was already told why the last statement failed."""

    async def run(self, statement: Statement, prepared: Prepared | None = None) -> int:
        """Run a statement, which may be `prepared` already; returns its exit code. Errors are
        reported to the user, not raised.
        """
        with reporting(statement.words[0] if statement.words else "!"):
            return await self._run(statement, prepared)

    async def _run(self, statement: Statement, prepared: Prepared | None) -> int:
        self.has_reported = False
        if self.capture and self.capture.keeps_errors and (statement.system or statement.pipe):
            return await run_captured(self, statement, self.capture)
        keyed = self.foreground and not (self.capture and self.capture.keeps_errors)
        line = _Line(statement, keyed, prepared, self.capture)
        try:
            if statement.system:
                return await self._run_system(line)
            if statement.target is not None and not self._knows(statement):
                # This fails, and then no file shall be made, or it asks for help.
                with suppress(HelpAsked):
                    line.prepared = await self._prepare(line, Source(None))
            return await self._call_into(Sink(statement, line.file), line)
        except BaseException as error:  # noqa: BLE001  # reported in one line, here at last
            return self._report(error, line)

    def _knows(self, statement: Statement) -> bool:
        """Whether a statement begins with a command that there is, or with none."""
        words = statement.words[before_command(statement.words) :]
        return not words or self.program.tree.root.child(words[0]) is not None

    async def _call_into(self, sink: Sink, line: "_Line") -> int:
        """Run a command, and wait for the program that reads its output."""
        code, failure = int(ExitCode.OK), None
        call = partial(self._open_and_call, line, sink)
        try:
            code = await (interruptible(call) if line.foreground else call())
        except BaseException as error:  # noqa: BLE001  # raised again below
            failure = error
        read = await sink.ended()
        if failure is not None:
            raise failure
        return code or read

    async def _run_system(self, line: "_Line") -> int:
        statement = line.statement
        if self.control is not None and self.control.takes_system and line.has_terminal:
            # The program gets the terminal for itself.
            if code := await interruptible(_written):
                return code
            return await self.control.run_system(statement)
        return await run_system(
            statement.system,
            self.stdin.file,
            foreground=line.foreground,
            stdout=line.file,
            variables=statement.variables,
        )

    def start(
        self,
        part: "BackgroundPart",
        run: Callable[[], Awaitable[int]],
        then: Then | None = None,
    ) -> None:
        """Start a part of a line in the background, and print its number. If jobs are not
        processes, `run` runs it; else `then` is called with its exit code.
        """
        if self.nested:
            raise UsageError("a command within another can't go to the background")
        if (control := self.control or self.script_control()) is not None:
            job = control.start(part, then)
        else:
            kept = self.program.target.keep()
            job = self.jobs.start(part.node.text, partial(_keeping, kept, run))
        self.program.output().note(f"[{job.number}] {part.node.text}")

    def warn(self, text: str) -> None:
        """Report an error."""
        warn(text, _errors_of(self.capture))

    async def _open_and_call(self, line: "_Line", sink: Sink) -> int:
        code: int = ExitCode.OK
        async with sink.opened() as stdout, self._source(line) as stdin:
            code = await self._prepare_and_call(line, stdout, stdin)
        return code  # noqa: RET504  # `with` suppresses the error of a reader that has ended

    async def _prepare_and_call(self, line: "_Line", stdout: IO[str], stdin: Source) -> int:
        try:
            if line.prepared is None:
                line.prepared = await self._prepare(line, stdin)
        except HelpAsked as asked:
            if str(asked):
                stdout.write(f"{asked}\n")
                stdout.flush()
            return asked.code
        if names_several(line.prepared.profiles):
            return await self._call_several(line, line.prepared, stdout, stdin)
        return await self._call(line, line.prepared, stdout, stdin)

    async def run_share(self, statement: Statement, stdout: IO[str]) -> int:
        """Run a statement for one of several profiles; returns its exit code, as :meth:`run`."""
        line = _Line(statement, self.foreground, None, self.capture)
        try:
            async with self._source(line) as stdin:
                return await self._prepare_and_call(line, stdout, stdin)
        except BaseException as error:  # noqa: BLE001  # as above
            return self._report(error, line)

    async def _call_several(
        self, line: "_Line", prepared: Prepared, stdout: IO[str], stdin: Source
    ) -> int:
        from atoll._several import run_several

        with prepared.calls:
            context = self._context(line, prepared, stdout, stdin)
            line.output = context.output
            with _running(context):
                return await run_several(self, line.statement, prepared, context)

    async def _prepare(self, line: "_Line", stdin: Source) -> Prepared:
        """Parse the words in a thread: this imports plugins, and may ask the user."""
        with streams_of(stdin, Printed()), measured("importing the command"):
            return await in_thread(self.program.tree.prepare, job_words(line.statement.words))

    async def _call(self, line: "_Line", prepared: Prepared, stdout: IO[str], stdin: Source) -> int:
        if prepared.node.asyncio and not has_asyncio():
            from atoll._separate_process import run_separately

            words = line.statement.words
            code = await run_separately(self.program, words, self.output_format, stdin, stdout)
            self.has_reported = bool(code)
            return code
        with prepared.calls:
            context = self._context(line, prepared, stdout, stdin)
            line.output = output = context.output
            is_data = line.capture or output.chosen_format() == _FOR_PEOPLE
            printed = output.stdout if is_data else output.stderr
            with folder_kept(prepared.node), streams_of(stdin, printed), _running(context):
                invocations = self.program.registry.collect(INVOCATIONS)
                async with plugin_contexts(context, invocations, prepared.given):
                    return await self._noting_end(prepared, context)

    async def _noting_end(self, prepared: Prepared, context: Context) -> int:
        """Run the command, and tell the context managers around it how it ended."""
        try:
            await ask_first(context, prepared)
            await self._bounded(partial(prepared.calls.run, context))
            code = exit_code(result_of(prepared.result))
        except BaseException as error:
            give_hint(error, self._hint)
            end = ending(error, prepared.node)
            context.exit_code = end.code
            if not (end.bug or is_interruption(error)):
                context.output.finish(end.code, end.text)
            raise
        context.exit_code = code
        context.output.finish(code)
        self.has_reported = context.output.has_warned
        return code

    def _hint(self, problem: str) -> str:
        """Return a plugin's hint for a problem of the API; empty if there is none."""
        found = self.program.registry.named(HINTS).get(problem)
        return found.record.text if found else ""

    async def _bounded(self, call: Callable[[], Awaitable[None]]) -> None:
        """Run a command with the user's time limit; raises TimedOut at its end."""
        seconds = self.share.seconds if self.share else self.program.settings.timeout
        with trio.move_on_after(math.inf if seconds is None else seconds):
            await call()
            return
        allowed = f"allowed {seconds:g} s" if self.share else f"{seconds:g} s of --timeout"
        raise TimedOut(f"it took longer than the {allowed}", hint=_more_time(self.share))

    def _context(
        self, line: "_Line", prepared: Prepared, stdout: IO[str], stdin: Source
    ) -> Context:
        if prepared.node.path in _EXPLAINING:
            self.program.settings.tolerant = True
        options = {one.name: one.value for one in prepared.given}
        asked = options.get("output") or ""
        chosen = asked or ("" if self._is_for_variables else self.output_format)
        self.program.check_format(chosen)
        output = self._output(line, chosen, stdout)
        kept = self.program.target.keep()
        return Context(
            program=self.program,
            output=output,
            stdin=stdin,
            jobs=self.jobs,
            profile_name=_named(prepared, options.get("profile")) or kept.name,
            command=" ".join(prepared.node.path),
            words=prepared.words,
            options=options,
            secret=prepared.node.secret,
            foreground=line.foreground,
            shell=self.shell,
            choice=kept.choice,
            has_consent=self.share is not None and prepared.node.destroys,
            run_nested=partial(run_nested, self),
        )

    @property
    def _is_for_variables(self) -> bool:
        return self.capture is not None and self.capture.writer is not None

    def _output(self, line: "_Line", chosen: str, stdout: IO[str]) -> Output:
        options = {"stdout": stdout, "format": chosen, **_kept(self.capture)}
        if self.share:
            return self.share.output(self.program, **options)
        output = self.program.output(**options)
        if self.capture:
            output.whole = self.capture.whole
        if self.capture and self.capture.writer and not chosen and not line.statement.pipe:
            output.writer, output.format = self.capture.writer, _FOR_VARIABLES
        return output

    @asynccontextmanager
    async def _source(self, line: "_Line") -> AsyncIterator[Source]:
        if line.statement.source is None:
            yield self.stdin if line.foreground else Source(None)
            return
        with await open_source(line.statement.source) as file:
            yield Source(file)

    def _report(self, error: BaseException, line: "_Line") -> int:
        """Tell the user why a line failed; returns its exit code. An interruption is
        raised again.
        """
        if isinstance(error, BaseExceptionGroup):
            passing, failed = error.split(is_interruption)
            if passing is not None and failed is not None:
                self._report(failed, line)
                raise passing
        if is_interruption(error):
            raise error
        end = ending(error, line.prepared.node if line.prepared else None)
        # If the reader of a pipe has ended, this is not an error to report.
        self.has_reported = bool(end.text) or isinstance(error, BrokenPipeError)
        if end.bug:
            line.tell(f"{line.statement.place}{self._crash_report(error, end, line)}")
        elif end.text:
            if isinstance(error, NoSuchCommand) and self._is_of_the_system(error, line):
                error.hint = f"! {error.path[0]} runs the system's"
                end = Ending(end.code, str(error))
            line.tell(f"{line.statement.place}{end.text}")
        return end.code

    def _is_of_the_system(self, error: NoSuchCommand, line: "_Line") -> bool:
        """Whether an unknown command is a program of the system, which `!` would run there."""
        import shutil

        is_line = bool(self.shell or line.statement.place)
        return is_line and not error.is_meant and shutil.which(error.path[0]) is not None

    def _crash_report(self, error: BaseException, end: Ending, line: "_Line") -> str:
        text = "".join(traceback.format_exception(error))
        path = self.program.paths.state / "crash.log"
        origin = culprit(error, self.program.registry.origins.values()) or line.origin
        message = f"internal error in {origin}: {end.text}"
        with suppress(OSError):
            # The line may contain bytes that are not UTF-8.
            report = f"{line.text}\n{text}".encode(errors="backslashreplace")
            write_atomic(path, report.decode())
            message += f" (details in {path})"
        return message


def _named(prepared: Prepared, option: str | None) -> str | None:
    """Return the profile that a line names by `@` or `--profile`; raises UsageError if these are
    different.
    """
    if prepared.profiles and option and option != prepared.profiles:
        raise UsageError(f"@{prepared.profiles} and --profile {option} exclude each other")
    return prepared.profiles or option


@define
class _Line:
    """A statement that is being run."""

    statement: Statement
    foreground: bool
    prepared: Prepared | None = None
    capture: Capture | None = None
    output: Output | None = None

    def tell(self, text: str) -> None:
        """Report an error, unless the JSON on standard error already contains it."""
        if self.output is None or not self.output.has_told_failure:
            warn(text, _errors_of(self.capture))

    @property
    def has_terminal(self) -> bool:
        """Whether it may use the terminal for input and output."""
        return self.foreground and self.file is None

    @property
    def file(self) -> IO[str] | None:
        """The file that gets its standard output; None if the output is shown."""
        return self.capture.file("stdout") if self.capture else None

    @property
    def text(self) -> str:
        """The line, with `***` in place of its secrets."""
        if self.prepared is None or self.prepared.words == self.statement.words:
            return self.statement.text
        return " ".join(map(quote, self.prepared.words))

    @property
    def origin(self) -> Origin | str:
        """The plugin of the command, or `atoll`."""
        provided = self.prepared.node.provided if self.prepared else None
        return provided.origin if provided else "atoll"


async def _written() -> int:
    await written(real_stdout())
    return ExitCode.OK


def _more_time(share: "Share | None") -> str:
    return "the setting several.timeout, or --timeout, allows more" if share else ""


async def _keeping(kept: FixedTarget, run: Callable[[], Awaitable[int]], _job: Job) -> int:
    """Run a job with the profile that was in use when the job was started."""
    fixed_target.set(kept)
    return await run()


def _errors_of(capture: Capture | None) -> IO[str] | None:
    """Return the file that gets errors; None if they are shown."""
    return capture.file("stderr") if capture and capture.keeps_errors else None


def _kept(capture: Capture | None) -> dict[str, Any]:
    """Return options for an output whose text is captured."""
    if capture is None or not capture.keeps_errors:
        return {}
    return {
        "stderr": capture.file("stderr"),
        "columns": capture.columns,
        "on_record": capture.record,
    }


@contextmanager
def _running(context: Context) -> Iterator[None]:
    """Make the context available to the code in the block."""
    values: list[tuple[ContextVar[Any], Any]] = [
        (current_context, context),
        (current_note, cache(context.output.note)),
        (current_ask, context.ask if context.can_ask else None),
        (current_output, context.output),
        (fixed_target, fixed_target_of(context)),
    ]
    tokens = [(variable, variable.set(value)) for variable, value in values]
    try:
        yield
    finally:
        for variable, token in tokens:
            variable.reset(token)
