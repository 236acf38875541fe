"""Passes standard input and output on to a port of this machine: `relay.py ANY_HOST PORT`."""

import socket
import sys
import threading


def send_up(connection: socket.socket) -> None:
    """Pass on what comes in, and then its end."""
    while data := sys.stdin.buffer.raw.read(65536):
        connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


def main() -> None:
    """Pass bytes both ways until the port's side ends."""
    with socket.create_connection(("127.0.0.1", int(sys.argv[2]))) as connection:
        threading.Thread(target=send_up, args=[connection], daemon=True).start()
        while data := connection.recv(65536):
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()


main()
