"""Runs that start programs: the steps of a batch run, or code in a language without state."""

from __future__ import annotations

from .child import Child
from .languages import choose, shell_argv, snippet_argv
from .stdin import InputPipe
from .waiting import waits_for_input

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .loop import Loop, Timer
    from .runs import ActiveRun
    from .settings import Settings

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.5
"""Seconds between checks whether the program waits for input: the first pause, and the longest."""


class BuildStep:
    """A program to start. If `name` is `clean` or `build`, an event reports its end."""

    def __init__(self, name: str, argv: list[str]) -> None:
        self.name, self.argv = name, argv


def steps_of(run: ActiveRun, settings: Settings) -> list[BuildStep]:
    """List the programs of a run; raises ValueError with a message for the user."""
    if run.mode == "query":
        return [BuildStep("query", snippet_argv(settings, run.code))]
    steps = []
    for name in ("clean", "build", "exec"):
        text = run.options.get(name) or ""
        if not isinstance(text, str):
            raise ValueError(f"the {name} step must be a shell text")  # noqa: TRY004 - a user's error
        if text == "*":
            text = choose(name, settings)
        if text:
            steps.append(BuildStep(name, shell_argv(text)))
    return steps


class Commands:
    """Executes runs step by step; each step has a pipe as its standard input."""

    def __init__(self, loop: Loop, settings: Settings, sink: Callable[[str, str], None]) -> None:
        self._loop, self._settings, self._sink = loop, settings, sink
        self._steps: list[BuildStep] = []
        self._child: Child | None = None
        self._stdin: InputPipe | None = None
        self._run: ActiveRun | None = None
        self._done: Callable[[int], None] = lambda _code: None
        self._input_check: Timer | None = None

    def start(self, run: ActiveRun, done: Callable[[int], None]) -> None:
        """Execute the run; `done` gets the exit code of the last step, or of a failed build."""
        self._run, self._done = run, done
        run.on_pressure = self._set_pressure
        try:
            self._steps = steps_of(run, self._settings)
        except ValueError as error:
            self._sink("stderr", f"{error}\n")
            self._next(2)
        else:
            self._next(0)

    def send_input(self, text: str | None) -> None:
        """Write a line to the program, or end its standard input."""
        if self._stdin is None:
            return
        if text is None:
            self._stdin.end()
        else:
            self._stdin.send(f"{text}\n".encode("utf-8", "replace"))
        self._check_input_later(FIRST_PAUSE)

    def interrupt(self) -> None:
        if self._child is not None:
            self._steps.clear()
            self._child.interrupt()

    def expect_end(self) -> None:
        """Start no further step; the program of the present one was asked to end."""
        self._steps.clear()
        if self._child is not None:
            self._child.output.resume()

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()

    def _next(self, exit_code: int) -> None:
        if not self._steps:
            self._run = None
            self._done(exit_code)
            return
        step = self._steps.pop(0)
        stdin = self._input()
        try:
            self._child = Child(
                self._loop, self._settings, step.argv, self._sink, stdin=stdin.reading
            )
        except OSError as error:
            stdin.close()
            self._sink("stderr", f"{step.argv[0]}: {error.strerror}\n")
            self._ended(step, 127)
        else:
            self._stdin = stdin
            self._loop.on_exit(self._child.process, lambda code: self._exited(step, code))
            self._check_input_later(FIRST_PAUSE)
            stdin.hand_over()

    def _input(self) -> InputPipe:
        """Return the standard input of the next program; only the last one gets piped input."""
        piped = self._run.input if self._run is not None else None
        if piped is not None and not self._steps:
            return piped
        stdin = InputPipe(self._loop)
        if piped is not None:
            stdin.end()
        return stdin

    def _exited(self, step: BuildStep, exit_code: int) -> None:
        child, self._child = self._child, None
        self._close_stdin()
        if child is not None:
            child.output.leave()
        self._ended(step, exit_code)

    def _ended(self, step: BuildStep, exit_code: int) -> None:
        if self._run is not None and step.name in ("clean", "build"):
            self._run.emit({"event": "step", "step": step.name, "exit_code": exit_code})
        if step.name == "build" and exit_code != 0:
            self._steps.clear()
        self._next(exit_code)

    def _check_input_later(self, seconds: float) -> None:
        if self._input_check is not None:
            self._input_check.cancel()
        self._input_check = self._loop.later(seconds, lambda: self._check_input(seconds))

    def _check_input(self, waited: float) -> None:
        if self._child is None or self._stdin is None or self._run is None or self._run.input:
            return
        pipe = self._stdin.inode
        if pipe is not None and waits_for_input(self._child.pid, pipe):
            self._child.output.drain()
            self._run.emit({"event": "input", "is_password": False})
        else:
            self._check_input_later(min(waited * 1.5, LONGEST_PAUSE))

    def _close_stdin(self) -> None:
        if self._input_check is not None:
            self._input_check.cancel()
        if self._stdin is not None:
            self._stdin.close()
            self._stdin = None

    def _set_pressure(self, high: bool) -> None:
        if self._child is not None:
            (self._child.output.pause if high else self._child.output.resume)()
