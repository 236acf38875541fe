"""Byte streams that are the standard input and output of a command."""

import shlex
import socket
import subprocess
from collections.abc import Sequence

import trio
from attrs import Factory, define

from atoll import ConfigError

_EXAMPLE = "such as exec://socat - TCP:{host}:{port}"


def connect(via: str) -> "CommandDialer":
    """Return the dialer of a `via`; raises ConfigError for one without a command."""
    try:
        words = shlex.split(via.partition("://")[2])
    except ValueError as error:
        raise ConfigError(f"via: {via!r}: {error}".lower(), hint=_EXAMPLE) from None
    if not words:
        raise ConfigError(f"via: {via!r} names no command", hint=_EXAMPLE)
    return CommandDialer(words)


@define
class CommandDialer:
    """Runs a command for each stream (:class:`atoll.transport.Dialer`)."""

    words: Sequence[str]
    _running: list[trio.Process] = Factory(list)

    async def dial(self, host: str, port: int) -> trio.SocketStream:
        """Run the command, with `{host}` and `{port}` in it replaced; raises ConfigError."""
        words = [word.replace("{host}", host).replace("{port}", str(port)) for word in self.words]
        self._running = [one for one in self._running if one.poll() is None]
        ours, theirs = socket.socketpair()
        try:
            # In a session of its own, the command does not get the Ctrl-C that is meant for atoll.
            process = await trio.lowlevel.open_process(
                words, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            ours.close()
            reason = error.strerror or str(error)
            raise ConfigError(f"via: {words[0]} can't be run: {reason.lower()}") from None
        finally:
            theirs.close()
        self._running.append(process)
        ours.setblocking(False)
        # A socket, unlike a pair of pipes, tells when its other end has been closed.
        return trio.SocketStream(trio.socket.from_stdlib_socket(ours))

    async def aclose(self) -> None:
        """End the commands that run."""
        running, self._running = self._running, []
        for process in running:
            process.terminate()
        for process in running:
            await process.wait()
