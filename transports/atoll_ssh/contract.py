"""What each SSH connection offers, whichever program makes it; importing this costs nothing."""

from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from atoll import AtollError, Unreachable

if TYPE_CHECKING:
    import trio

MOST_OUTPUT = 2**20
"""The most bytes that are kept of a command's output; a command that prints more is ended."""


@frozen
class Completed:
    """A remote command that has ended; `exit_code` is 255 if a signal has ended it."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class TooMuchOutput(AtollError):
    """A command has printed more than the limit."""

    def __init__(self, command: str) -> None:
        super().__init__(f"{command.split(maxsplit=1)[0]} prints more than {MOST_OUTPUT} bytes")


class NoForwarding(Unreachable):
    """The host does not allow forwarding of connections."""


class SshConnection(Protocol):
    """Opens streams at a host and runs commands there (:class:`atoll.transport.Dialer`).

    Keys, agent, jumps and known hosts are those of `~/.ssh`. The connection is opened when it is
    first needed, and a lost one again; if the host asks for a code at each login, the user is
    asked again.
    """

    @property
    def name(self) -> str:
        """The name of the host in errors."""

    async def dial(self, host: str, port: int) -> "trio.abc.HalfCloseableStream":
        """Open a stream to `host:port`, as the remote host resolves it.

        Raises NotSent if the remote host does not answer or can't reach `host`, NotAuthorized if it
        refuses the user or its host key is not known, NoForwarding if it allows no forwarding, and
        another Unreachable for errors in the protocol.
        """

    async def run(self, command: str, stdin: bytes = b"") -> Completed:
        """Run a command in the user's shell on the host, and wait for its end.

        Raises as :meth:`dial` does, and TooMuchOutput if the command prints more than MOST_OUTPUT.
        """

    def through(self, command: str) -> "SshConnection":
        """Return a connection inside of this one, to the relay that `command` starts on the host.

        All its streams share one channel of this connection, so they work even if the host forbids
        forwarding. See :mod:`atoll_ssh.relay`.
        """

    async def aclose(self) -> None:
        """Leave the connection; the next :meth:`dial` opens a new one."""

    async def end(self) -> bool:
        """End the connection also if other processes use it; returns whether there was one.

        A connection that the user's own OpenSSH keeps open stays.
        """
