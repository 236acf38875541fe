"""Start programs inside the sandbox, each as the leader of its own session."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess

from .output import OutputPipes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .loop import Loop
    from .settings import Settings

OOM_SCORE = b"500"
"""The `oom_score_adj` of user programs: if the memory is full, Linux kills them first."""


class Child:
    """A running program; its output goes to `sink(stream, text)`."""

    def __init__(
        self,
        loop: Loop,
        settings: Settings,
        argv: Sequence[str],
        sink: Callable[[str, str], None],
        *,
        stdin: int = subprocess.DEVNULL,
        pass_fds: Sequence[int] = (),
        environ: dict[str, str] | None = None,
    ) -> None:
        """Start the program; `environ` replaces the settings' environment. Raises OSError."""
        self.output = OutputPipes(loop, sink)
        try:
            self.process = self._start(settings, argv, stdin, pass_fds, environ)
        except OSError:
            self.output.close()
            raise
        self.pid = self.process.pid
        self._set_oom_score()

    def signal(self, number: int) -> None:
        """Send a signal to the program's process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """Kill the program, and go on reading its output."""
        self.output.resume()
        self.signal(signal.SIGKILL)

    def interrupt(self) -> None:
        self.signal(signal.SIGINT)

    def _set_oom_score(self) -> None:
        with contextlib.suppress(OSError), open(f"/proc/{self.pid}/oom_score_adj", "wb") as file:
            file.write(OOM_SCORE)

    def _start(
        self,
        settings: Settings,
        argv: Sequence[str],
        stdin: int,
        pass_fds: Sequence[int],
        environ: dict[str, str] | None,
    ) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                argv,
                stdin=stdin,
                stdout=self.output.stdout.writing,
                stderr=self.output.stderr.writing,
                bufsize=0,
                cwd=settings.home,
                env=settings.environ if environ is None else environ,
                pass_fds=pass_fds,
                start_new_session=True,
            )
        except ValueError as error:  # an argument contains NUL, or a variable's name contains =
            raise OSError(errno.EINVAL, str(error)) from error
