"""`python -m atoll_ssh.relay`: an SSH server on standard input and output, for one who is there.

Some hosts let their users run commands and forward no connections. There this server forwards
them, to any address that the user could reach from there, and does nothing else. It lets whoever
holds its other end in, since that one has been let in by the host's own SSH.
"""

import asyncio
import os
import socket
import threading
from contextlib import suppress

import asyncssh

GREETING = b"atoll relay "
"""What its first line begins with; the public half of its key follows."""
USER = "relay"
_CHUNK = 2**18
_KEEPALIVE = 20
"""Seconds of silence after which the client is asked whether it is still there."""


class _Forwarder(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        """Ask for no key: see above."""
        del username
        return False

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> bool:
        """Forward to everywhere, as the user's own programs there reach everything."""
        del dest_host, dest_port, orig_host, orig_port
        return True


async def serve(sock: socket.socket) -> None:
    """Serve the one client at the other end of a socket until it leaves."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    sock.sendall(GREETING + key.export_public_key().strip() + b"\n")
    sock.setblocking(False)
    connection = await asyncssh.run_server(
        sock, server_factory=_Forwarder, server_host_keys=[key], keepalive_interval=_KEEPALIVE
    )
    await connection.wait_closed()


def main() -> None:
    """Serve on standard input and output, by way of a pair of sockets: asyncssh needs one."""
    here, there = socket.socketpair()
    outward = threading.Thread(target=_carry_out, args=(there,))
    outward.start()
    threading.Thread(target=_carry_in, args=(there,), daemon=True).start()
    with suppress(asyncssh.Error, OSError), here:  # the client has left in whatever way
        asyncio.run(serve(here))
    outward.join()


def _carry_in(there: socket.socket) -> None:
    with suppress(OSError):
        while chunk := os.read(0, _CHUNK):
            there.sendall(chunk)
        there.shutdown(socket.SHUT_WR)


def _carry_out(there: socket.socket) -> None:
    with suppress(OSError):
        while chunk := there.recv(_CHUNK):
            while chunk:
                chunk = chunk[os.write(1, chunk) :]
    there.close()


if __name__ == "__main__":
    main()
