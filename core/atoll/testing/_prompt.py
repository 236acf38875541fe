"""A prompt on a pseudo-terminal: a test presses keys, and reads what a user would see."""

import os
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence

import pexpect
import pyte
from attrs import define, field

PATIENCE = 60.0
"""Seconds to wait until something is shown."""
_CTRL_C, _CTRL_D = "\x03", "\x04"
_PASTE_OFF = "\x1b[?2004l"


@define
class Prompt:
    """The prompt of a program that runs on a pseudo-terminal.

    `child` is the program, a spawn of pexpect, and `screen` is the content of its terminal. If
    something is not shown within :data:`PATIENCE` seconds, pexpect's TIMEOUT is raised, which
    contains what was shown.
    """

    child: "pexpect.spawn[str]"
    screen: pyte.Screen
    _feed: "_Feed"
    _modes: list[object]

    @classmethod
    def open(
        cls, command: Sequence[str], environ: Mapping[str, str], *, columns: int = 80
    ) -> "Prompt":
        """Start a program, with these variables in addition to the test's own, and wait for its
        prompt.
        """
        screen = pyte.Screen(columns, 30)
        child = pexpect.spawn(
            command[0],
            list(command[1:]),
            env={**os.environ, "TERM": "xterm", **environ},
            dimensions=(screen.lines, columns),
            timeout=PATIENCE,
            encoding="utf-8",
        )
        child.delaybeforesend = None
        # prompt_toolkit asks for the position of the cursor before it draws a toolbar, so this
        # answers.
        vars(screen)["write_process_input"] = child.send
        child.logfile_read = feed = _Feed(pyte.Stream(screen))
        prompt = cls(child, screen, feed, termios.tcgetattr(child.child_fd))
        prompt.ready()
        return prompt

    def ready(self) -> None:
        """Wait for the prompt."""
        self.see("atoll>")

    def type(self, keys: str) -> None:
        r"""Press keys: `\\r` is Enter, `\\t` Tab, `\\x03` Ctrl-C, `\\x1b[A` the key Up."""
        self.child.send(keys)

    def see(self, text: str) -> str:
        """Wait until a text is written, after what was seen before; returns the text before it."""
        self.child.expect_exact(text)
        return str(self.child.before)

    def appears(self, text: str) -> None:
        """Wait until a text is on the screen; output until then is not seen again by `see`."""
        if not self._comes(lambda: text in self.shown()):
            raise AssertionError(f"{text!r} did not appear, but:\n{self.shown()}")

    def disappears(self, text: str) -> None:
        """Wait until a text is no longer on the screen; the present content is not seen again by
        `see`.
        """
        if not self._comes(lambda: text not in self.shown()):
            raise AssertionError(f"{text!r} did not disappear:\n{self.shown()}")

    def _comes(self, is_so: Callable[[], bool]) -> bool:
        """Read output until a condition holds; returns whether that happened in time."""
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            left = deadline - time.monotonic()
            if left <= 0 or self.child.expect([r".+", pexpect.TIMEOUT], timeout=left):
                return False
        return True

    def shown(self) -> str:
        """Return the content of the screen, without blanks at the ends of lines."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def written(self) -> str:
        """Return everything that was read since the start, including escape sequences and echoed
        keys.
        """
        return "".join(self._feed.pieces)

    def run(self, line: str, shown: str) -> None:
        """Run a line, wait until `shown` appears, and then for the prompt."""
        self.type(line + "\r")
        self.see(shown)
        self.ready()

    def press_until(self, keys: str, text: str) -> None:
        """Press keys repeatedly until a text is shown."""
        for _ in range(int(PATIENCE * 2)):
            self.type(keys)
            if self.child.expect_exact([text, pexpect.TIMEOUT], timeout=0.5) == 0:
                return
        raise AssertionError(f"{text!r} was not shown, but:\n{self.shown()}")

    def clear(self) -> None:
        """Drop the line with Ctrl-C, and wait for the next prompt."""
        self.type(_CTRL_C)
        # A dropped line is drawn once more; only then is bracketed paste switched off.
        self.see(_PASTE_OFF)
        self.ready()

    def leave(self) -> int:
        """Press Ctrl-D, and wait for the end; returns the exit code."""
        self.type(_CTRL_D)
        return self.ended()

    def ended(self) -> int:
        """Wait for the end; returns the exit code, or minus the number of the signal that ended the
        program.

        Raises AssertionError if the terminal's modes are not those of the start.
        """
        self.child.expect(pexpect.EOF)
        if termios.tcgetattr(self.child.child_fd)[:4] != self._modes[:4]:
            raise AssertionError("the terminal is not left as it was found")
        self.child.close()
        code = self.child.exitstatus
        return int(-self.child.signalstatus if code is None else code)

    def close(self) -> None:
        """Kill the program."""
        self.child.close(force=True)


@define
class _Feed:
    """Draws the output on the screen, and keeps it."""

    stream: pyte.Stream
    pieces: list[str] = field(factory=list)

    def write(self, text: str) -> None:
        self.stream.feed(text)
        self.pieces.append(text)

    def flush(self) -> None:
        """Do nothing."""


def opening(plugins: Sequence[str]) -> list[str]:
    """Return the command that opens the prompt with these plugins, and the built-in ones."""
    return [sys.executable, "-m", "atoll.testing._opening", *plugins]
