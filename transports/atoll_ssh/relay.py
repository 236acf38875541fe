"""`python -m atoll_ssh.relay`: an SSH server on standard input and output, for one client.

Some hosts allow their users to run commands, but forbid forwarding. On such a host this server
forwards connections to any address that the user can reach from there, and does nothing else. It
requires no login, since the client has already logged in to the host by SSH.
"""

import asyncio
import os
import socket
import threading
from contextlib import suppress

import asyncssh

from atoll_ssh.relay_greeting import GREETING

_CHUNK = 2**18
_KEEPALIVE = 20
"""Seconds of silence after which the connection to the client is tested."""


class _Forwarder(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        """Require no login; the module's text says why."""
        del username
        return False

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> bool:
        """Allow connections to every address, as the user's own programs on the host have."""
        del dest_host, dest_port, orig_host, orig_port
        return True


async def serve(sock: socket.socket) -> None:
    """Serve the client at the other end of a socket until it disconnects."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    sock.sendall(GREETING + key.export_public_key().strip() + b"\n")
    sock.setblocking(False)
    connection = await asyncssh.run_server(
        sock, server_factory=_Forwarder, server_host_keys=[key], keepalive_interval=_KEEPALIVE
    )
    await connection.wait_closed()


def main() -> None:
    """Serve on standard input and output; they are connected to a pair of sockets, since asyncssh
    needs a socket.
    """
    here, there = socket.socketpair()
    outward = threading.Thread(target=_carry_out, args=(there,))
    outward.start()
    threading.Thread(target=_carry_in, args=(there,), daemon=True).start()
    with suppress(asyncssh.Error, OSError), here:  # errors here mean that the client has left
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
