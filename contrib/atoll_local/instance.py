"""One program for one data folder: the lock, the port, and the file that tells where it answers."""

import fcntl
import json
import os
import socket
from pathlib import Path
from typing import IO, Any

from attrs import frozen

from atoll_local.paths import DataDir, StartError, write_private

HOST = "127.0.0.1"
"""The only address that is ever listened on."""


class AlreadyRunningError(Exception):
    """Another program serves the folder; the text says where, if it is known yet."""


def lock(data: DataDir) -> IO[str]:
    """Take the folder's lock, held until the file is closed; raises AlreadyRunningError."""
    file = data.lock.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        where = (read_server(data) or {}).get("endpoint", "an address not announced yet")
        raise AlreadyRunningError(f"a cluster serves {data.root} already, at {where}") from None
    return file


def bind(data: DataDir, wanted: int = 0) -> socket.socket:
    """Listen on `wanted`, else on the port of the last time, else on any that is free.

    Raises StartError when a port that was asked for is taken.
    """
    if wanted:
        try:
            return _listen(wanted)
        except OSError as error:
            raise StartError(f"cannot listen on port {wanted}: {error.strerror}") from error
    try:
        return _listen(int(data.port.read_text()))
    except (OSError, ValueError, OverflowError):
        found = _listen(0)
    write_private(data.port, f"{found.getsockname()[1]}\n")
    return found


def _listen(port: int) -> socket.socket:
    # Only where the protocol is told does asyncio set TCP_NODELAY; without it answers take 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(1024)
    except BaseException:
        listener.close()
        raise
    return listener


@frozen
class Announcement:
    """Tells other programs where this one answers, by `server.json`."""

    data: DataDir
    port: int
    version: str

    @property
    def endpoint(self) -> str:
        """The URL for clients."""
        return f"http://{HOST}:{self.port}"

    def publish(self) -> None:
        """Write the file; to be called when requests are answered."""
        content = {
            "pid": os.getpid(),
            "started": process_start(os.getpid()),
            "port": self.port,
            "endpoint": self.endpoint,
            "version": self.version,
        }
        write_private(self.data.server, json.dumps(content) + "\n")

    def withdraw(self) -> None:
        """Remove the file."""
        self.data.server.unlink(missing_ok=True)


def read_server(data: DataDir) -> dict[str, Any] | None:
    """Return what `server.json` tells if the program it names is alive, else None."""
    try:
        content: dict[str, Any] = json.loads(data.server.read_text("utf-8"))
        alive = process_start(int(content["pid"])) == content["started"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return content if alive else None


def process_start(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot: with the pid, its identity.

    None when there is none; one that has ended and was not collected by its parent is none either.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    # The command's name may hold blanks and brackets; the fields are counted from its end.
    state, *rest = stat.rpartition(")")[2].split()
    return None if state in "ZX" else int(rest[18])
