"""The context: what a command gets as its first argument."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from attrs import define, field

from atoll._capture import Capture
from atoll._errors import AtollError, UsageError
from atoll._front_line import lent_to, moved_line, terminal_free
from atoll._jobs import Jobs
from atoll._paths import Paths
from atoll._plugins import Provided
from atoll._settings import Settings
from atoll._terminal import Source
from atoll.hookspecs import Hook
from atoll.output import Output

R = TypeVar("R")

if TYPE_CHECKING:
    from atoll._api import Api
    from atoll._profiles import Profile
    from atoll._program import Program
    from atoll._state import ShellState
    from atoll._target import Choice, FixedTarget


@define
class Context:
    """One run of a command: its output and input, the settings, and connections to clusters."""

    _program: "Program"
    output: Output
    """The output for records, streams, remarks and progress."""
    stdin: Source
    """The input of the command: a pipe, or its terminal."""
    jobs: Jobs
    """The background jobs of this prompt or script."""
    profile_name: str | None = None
    """The profile that is named in the line or at the start of the program; None if there is none
    in either.
    """
    command: str = ""
    """The command's name, such as `profile add`."""
    words: tuple[str, ...] = ()
    """The words of the line, with `***` in place of each secret."""
    options: Mapping[str, object] = field(factory=dict)
    """The values of options that plugins add, by name; the default if the option was not given."""
    secret: bool = False
    """Whether the line is kept out of the history, because the command says so."""
    _foreground: bool = True
    exit_code: int | None = None
    """The exit code of the command, for code around commands; None until the command has ended."""
    shell: "ShellState | None" = None
    """The state of the prompt; None if the line does not come from a prompt."""
    _choice: "Choice | None" = None
    """The profile at the start of the command, which the command uses until its end."""
    _has_consent: bool = False
    """Whether the user has already agreed to what the command may destroy."""
    state: dict[str, object] = field(factory=dict)
    """Values that plugins share while the command runs; each name begins with the name of its
    plugin.
    """
    _run_nested: "Callable[[str, Capture | None], Awaitable[int]] | None" = None

    @property
    def foreground(self) -> bool:
        """Whether the user waits for the command; false in a background job, which has no keyboard.
        Ctrl-Z at a prompt changes it.
        """
        return self._foreground and moved_line() is None

    @property
    def settings(self) -> Settings:
        """The user's settings: `context.settings["greet.word"]`. Raises KeyError for a key that no
        plugin declares, ConfigError for a value of the wrong type.
        """
        return self._program.settings

    @property
    def paths(self) -> Paths:
        """The folders for settings, caches and state; only the user can enter them."""
        return self._program.paths

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment variables at the start of the program."""
        return self._program.environ

    def collect(self, hook: Hook[R]) -> Sequence[Provided[R]]:
        """Return the records that plugins provide for a hook, such as one that the caller's own
        plugin offers. For unusable records, a warning is printed.
        """
        return self._program.registry.collect(hook)

    async def connect(self, profile: str | None = None) -> "Api":
        """Return the connection to the profile in use, or to another one. If that is the embedded
        cluster, it is started.

        Nothing is sent yet, and the next command uses the same connection. Raises NotFound for an
        unknown profile, ConfigError if no profile is in use.
        """
        name = profile or self.profile_name
        return await self._program.connect(name, self.output.note, self._choice)

    async def connect_if_up(self, profile: str | None = None) -> "Api | None":
        """Return the connection to the profile in use, or to another one; None if a cluster would
        have to be started, or if there is no usable profile.
        """
        return await self._program.connect_if_up(profile or self.profile_name, self._choice)

    async def profile_if_up(self, profile: str | None = None) -> "Profile | None":
        """Return the profile in use, or another one, as it is now; None if a cluster would have to
        be started, or if the profile can't be used. Nothing is sent to its cluster.
        """
        import trio

        find = self._program.profile_if_up
        try:
            return await trio.to_thread.run_sync(find, profile or self.profile_name, self._choice)
        except AtollError:
            return None

    def transport(self, kind: Literal["request", "channel"], profile: "Profile") -> Any:
        """Make a :class:`~atoll.transport.RequestTransport` or ChannelTransport for a profile, such
        as one for another server. The caller closes it.
        """
        return self._program.transport(kind, profile)

    async def consent(self, question: str, *, yes: bool, official_asks: bool = True) -> None:
        """Ask the user before something is destroyed, unless `yes` is true.

        Under the name of the official client, only its own questions (`official_asks`) are asked,
        and the answer may come through a pipe. Raises AtollError for a no, UsageError if nobody can
        answer.
        """
        if yes or self._has_consent or (self._program.as_official and not official_asks):
            return
        # Scripts pipe an answer into that client; the prompt's own input is lines.
        piped = self._program.as_official and self.shell is None
        if not await self._read_answer(question, "--yes answers yes", piped=piped):
            raise AtollError("nothing was changed")

    async def run(self, line: str, capture: Capture | None = None) -> int:
        """Run a line as part of this command, as if it had been typed; returns its exit code.

        Errors of the line are reported, not raised. With a `capture`, the line writes to that, and
        has no keyboard. Raises UsageError for a line that can't be parsed.
        """
        if self._run_nested is None:
            raise UsageError("no line can be run here")
        return await self._run_nested(line, capture)

    def is_command(self, word: str) -> bool:
        """Whether a word begins the name of a command."""
        return self._program.tree.root.child(word) is not None

    async def spawn(self, words: Sequence[str], log: Path, profile: str | None = None) -> None:
        """Start a command in a process of its own, which goes on when this one has ended. It runs
        in the current folder, without a terminal, and its output is appended to the file `log`.

        It uses the profile in use, or another one, as it is now, including the keys; later changes
        of profiles do not affect it. Raises AtollError if the profile can't be used, and OSError.
        """
        import trio

        from atoll._detached import spawn

        def start() -> None:
            choice = self._program.target.of(profile or self.profile_name, self._choice)
            spawn(self._program, choice, words, log)

        await trio.to_thread.run_sync(start)

    @property
    def can_ask(self) -> bool:
        """Whether there is a terminal at which the user can answer. A command that Ctrl-Z has moved
        to the background waits for that until it is in the foreground again.
        """
        return self._foreground and self.stdin.is_terminal

    async def ask(self, question: str, *, hidden: bool = False, default: str | None = None) -> str:
        """Ask the user for a text; `hidden` is for passwords. If standard input is no terminal, the
        answer is read from it.

        An empty answer means the `default`. Raises UsageError if there is no answer.
        """
        self.output.stderr.write(f"{question}: " if self.can_ask else f"{question}:\n")
        self.output.stderr.flush()
        answer = await self.stdin.line(hidden=hidden)
        if answer is None or not (answer or default is not None):
            raise UsageError(f"no {question} was given")
        return answer or default or ""

    async def confirm(self, question: str, *, hint: str = "run it at a terminal") -> bool:
        """Ask the user a yes or no question; raises UsageError with this hint if nobody
        can answer.
        """
        return await self._read_answer(question, hint, piped=False)

    async def _read_answer(self, question: str, hint: str, *, piped: bool) -> bool:
        no_answer = UsageError(f"this needs an answer: {question}", hint=hint)
        if not self.can_ask and not (self._foreground and piped):
            raise no_answer
        self.output.stderr.write(f"{question} [y/N] ")
        self.output.stderr.flush()
        answer = await self.stdin.line()
        if answer is None and not self.stdin.is_terminal:
            raise no_answer
        return (answer or "").strip().lower() in {"y", "yes"}

    @asynccontextmanager
    async def lends_terminal(self) -> AsyncIterator[None]:
        """Wait until this command may use the terminal; then lend it to a program of the system
        during the block. At a prompt, Ctrl-Z stops both until `fg`.
        """
        await terminal_free()
        with lent_to():
            yield

    @asynccontextmanager
    async def interrupts(self) -> AsyncIterator[AsyncIterator[int]]:
        """Handle Ctrl-C in the command instead of being cancelled: iterate over the presses."""
        import trio

        from atoll._interrupts import presses_of_line

        if self._foreground:
            with presses_of_line() as presses:
                yield presses
        else:
            # A job gets no keys, so this waits until the job is cancelled.
            nobody, presses = trio.open_memory_channel[int](0)
            async with nobody, presses:
                yield presses


def program_of(context: Context) -> "Program":
    """Return the program that a command runs in; only for plugins that ship with core."""
    return context._program  # noqa: SLF001  # private to everybody else


def choice_of(context: Context) -> "Choice":
    """Return the profile that a command uses; this may read files."""
    kept = context._choice  # noqa: SLF001  # as above
    return program_of(context).target.of(context.profile_name, kept)


def fixed_target_of(context: Context) -> "FixedTarget":
    """Return the profile for the lines that a command runs."""
    from atoll._target import FixedTarget

    return FixedTarget(context.profile_name, context._choice)  # noqa: SLF001  # as above


def has_consent(context: Context) -> bool:
    """Whether the user has already agreed to what the command may destroy."""
    return context._has_consent  # noqa: SLF001  # as above


async def ask_consent(context: Context, question: str) -> None:
    """Ask once about everything that the command may destroy; raises as :meth:`Context.consent`
    does.
    """
    await context.consent(question, yes=False)
    context._has_consent = True  # noqa: SLF001  # as above


current_context: ContextVar[Context | None] = ContextVar("current_context", default=None)
"""The context of the command that the running code belongs to; None for the prompt's own work. It
is for code that gets no context, but must ask the user.
"""
