"""Opens the prompt that suits the terminal, and restores the terminal at the end."""

import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

import trio
from attrs import frozen

from atoll import _runtime
from atoll._colors import color_problem
from atoll._program import Program
from atoll._settings import Settings
from atoll._shell.exit_watchdog import ExitWatchdog
from atoll._shell.loop import Shell
from atoll._state import ShellState
from atoll._target import NothingConfigured
from atoll._terminal import Source
from atoll._version import __version__
from atoll._warnings import warn

if TYPE_CHECKING:
    from atoll._shell.reader import Reader
    from atoll._shell.screen import Screen

_KEYS = (signal.SIGINT, signal.SIGQUIT)
_MOST_SETTINGS = 3
"""The most problems of settings that are shown when the prompt opens."""
_SWITCH_INTERVAL = 0.001
"""Seconds that a thread may run while keys wait, for example a thread that searches long lists."""
_FLUSH_TIMEOUT = 3.0
"""Seconds that writing the last lines to the history file may take."""
_CLOSING = 5.0
"""Seconds that closing connections may take when the user leaves the prompt."""


def run_shell(program: Program, output_format: str = "") -> int:
    """Open the prompt on standard input, until the user leaves it; returns the exit code."""
    _greet(program)
    state = ShellState()
    with _noting_keys(state), _terminal_restored() as terminal:
        opening = _Opening(program, state, terminal, output_format)
        if _is_plain(program):
            return _runtime.run(opening.plain, guest=program.needs_asyncio())
        return _runtime.run_guest(opening.edited)


@contextmanager
def _noting_keys(state: ShellState) -> Iterator[None]:
    """Pass the keys that interrupt to the line that runs, as long as the prompt is open, and note
    them when there is none.

    Python's own handler would raise KeyboardInterrupt anywhere, and that of trio in the prompt
    itself; either would end it. Trio's is not installed when there is another.
    """

    def note(number: int, frame: FrameType | None) -> None:
        if not state.jobs.press(number, frame) and number == signal.SIGINT:
            state.interrupted = True
            state.drops_typed()

    before = {number: signal.signal(number, note) for number in _KEYS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_plain(program: Program) -> bool:
    return program.is_plain or not program.environ.get("TERM") or not sys.stdout.isatty()


def _greet(program: Program) -> None:
    program.target.begin()
    name = program.target.name or "no profile"
    sys.stderr.write(f"atoll {__version__}, {name}: Tab completes, help lists commands\n")
    _report_settings(program.settings)
    if program.aliases.lines is not None and program.aliases.problem:
        warn(program.aliases.problem)
    problem = program.target.choice().problem
    if problem and not isinstance(problem, NothingConfigured):
        warn(str(problem))
    if wrong := color_problem(program.target):
        warn(wrong)


def _report_settings(settings: Settings) -> None:
    """Report wrong settings, once; the prompt uses defaults for them."""
    settings.tolerant = True
    problems = settings.problems()
    for problem in problems[:_MOST_SETTINGS]:
        warn(problem)
    if len(problems) > _MOST_SETTINGS:
        warn(f"{len(problems) - _MOST_SETTINGS} more settings are wrong: config lists them")


@frozen
class _Opening:
    """What a prompt is opened with."""

    program: Program
    state: ShellState
    terminal: "_Terminal"
    output_format: str

    async def plain(self) -> int:
        """Run a prompt without line editing; returns the exit code."""
        from atoll._shell.plain import PlainReader

        stdin = Source()
        return await _closing(self.program, self._shell(PlainReader(stdin, self.state), stdin))

    async def edited(self) -> int:
        """Run a prompt with line editing; returns the exit code."""
        import asyncio

        from atoll._shell.screen import Screen
        from atoll._shell.terminal_outlet import nonblocking_terminal

        sys.setswitchinterval(_SWITCH_INTERVAL)
        async with nonblocking_terminal() as outlet:
            return await self._on_screen(Screen(asyncio.get_running_loop(), outlet))

    async def _on_screen(self, screen: "Screen") -> int:
        from atoll._shell.prompt import PromptReader

        stdin = Source()
        self.state.held = screen.taken
        self.state.drops_typed = screen.interrupt
        reader = PromptReader.make(self.program, self.state, screen, stdin)
        with screen.installed():
            try:
                return await _closing(self.program, self._shell(reader, stdin))
            finally:
                reader.history.flush(_FLUSH_TIMEOUT)

    def _shell(self, reader: "Reader", stdin: Source) -> Shell:
        watchdog = ExitWatchdog(self.state, self.terminal.restore)
        shell = Shell(self.program, reader, self.state, watchdog, stdin)
        shell.output_format = self.output_format
        return shell


async def _closing(program: Program, shell: Shell) -> int:
    """Run the shell, and always close its connections."""
    try:
        return await shell.run()
    finally:
        with trio.move_on_after(_CLOSING, shield=True):
            await program.aclose()


@frozen
class _Terminal:
    """The terminal's modes when the prompt was opened."""

    before: list[Any]

    def restore(self) -> None:
        # The modes of a closed terminal can't be restored.
        with suppress(termios.error, OSError):
            # This takes effect at once, since the terminal may not accept the output that is still
            # to be written.
            termios.tcsetattr(sys.__stdin__ or 0, termios.TCSANOW, self.before)


@contextmanager
def _terminal_restored() -> Iterator[_Terminal]:
    terminal = _Terminal(termios.tcgetattr(sys.stdin))
    try:
        yield terminal
    finally:
        terminal.restore()
