"""Ensure that one program serves a data folder: its lock, its port, the file with its address."""

import fcntl
import json
import logging
import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from attrs import asdict, define, field, fields, frozen

from atoll_cluster.claim import Claim, Lost
from atoll_cluster.paths import DataDir, StartError, write_private

_log = logging.getLogger(__name__)

_CHECK_INTERVAL = 1.0
"""Seconds between two checks of the files by which others find the program."""
_LONGEST = 64 * 1024
_POLL = 0.02
HOST = "127.0.0.1"
"""The only address on which the program listens."""


class AlreadyRunningError(Exception):
    """Another program serves the folder; the text contains its address, if it is known."""


def lock(data: DataDir) -> IO[str]:
    """Lock the folder until the returned file is closed; raises AlreadyRunningError."""
    if data.lock.exists() and not data.lock.is_file():
        data.lock.unlink()  # Opening a FIFO would block.
    file = data.lock.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        server = read_server(data)
        where = server.endpoint if server else "an address that is not known yet"
        raise AlreadyRunningError(f"a cluster already serves {data.root}, at {where}") from None
    return file


def bind(data: DataDir, wanted: int = 0) -> socket.socket:
    """Listen on the port `wanted`; without one, on the last port, or on a free one if that is used.

    Raises StartError if the port `wanted` cannot be used.
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
    # asyncio sets TCP_NODELAY only if the protocol is given; without it, answers take 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(1024)
    except BaseException:
        listener.close()
        raise
    return listener


@define
class Announcement:
    """Publishes the address of this program in `server.json` and in the lock file.

    If one of the files is deleted or damaged, it is written again within a second.
    """

    data: DataDir
    port: int
    version: str
    _lock: IO[str]
    _claim: Claim | None = None
    _text: str = field(default="", init=False)
    """The published text; empty while the program does not answer requests."""
    _writing: threading.Lock = field(factory=threading.Lock, init=False)

    @property
    def endpoint(self) -> str:
        """The URL for clients."""
        return f"http://{HOST}:{self.port}"

    def publish(self) -> None:
        """Write the file; call this when the program answers requests. Raises StartError."""
        server = ServerInfo(
            pid=os.getpid(),
            started=process_start(os.getpid()) or 0,
            port=self.port,
            endpoint=self.endpoint,
            version=self.version,
        )
        self._text = json.dumps(asdict(server)) + "\n"
        try:
            self._write()
        except OSError as error:
            raise StartError(f"cannot write {self.data.server}: {error.strerror}") from error

    async def keep(self) -> None:
        """Write the file again whenever it was changed or deleted, until cancelled."""
        # anyio is slow to import, and other programs use this module only to find the program.
        import anyio
        import anyio.to_thread

        while True:
            await anyio.sleep(_CHECK_INTERVAL)
            await anyio.to_thread.run_sync(self._check_files, abandon_on_cancel=True)

    def withdraw(self) -> None:
        """Delete the file."""
        with self._writing:
            self._text = ""
            self._lock.truncate(0)
            self.data.server.unlink(missing_ok=True)

    def _check_files(self) -> None:
        with self._writing:
            try:
                self._renew_claim()
                self._lock_again()
                if self._text and any(
                    _read(path) != self._text for path in (self.data.server, self.data.lock)
                ):
                    _log.warning("%s was changed or deleted and is written again", self.data.server)
                    self._write()
            except OSError as error:
                _log.warning("the address of this program cannot be written: %s", error)

    def _renew_claim(self) -> None:
        """Renew the claim; if another program has taken the folder over, end this one at once."""
        try:
            if self._claim is not None:
                self._claim.renew()
        except Lost as error:
            _log.critical(
                "this program was stopped for some time, and one on %s has taken over", error
            )
            os._exit(1)

    def _lock_again(self) -> None:
        """Lock the file again if another file has its name now."""
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self._lock.fileno()), self.data.lock.stat()):
                return
        with suppress(AlreadyRunningError):  # The port stops the other program.
            self._lock = lock(self.data)

    def _write(self) -> None:
        self._lock.truncate(0)
        self._lock.write(self._text)
        self._lock.flush()
        write_private(self.data.server, self._text)


@frozen(kw_only=True)
class ServerInfo:
    """The program that serves a data folder; `pid` and `started` identify its process."""

    pid: int
    started: int
    port: int
    endpoint: str
    version: str

    @classmethod
    def parse(cls, text: str) -> "ServerInfo | None":
        """Read the content of `server.json`; None if it is invalid."""
        try:
            found = json.loads(text)
            server = cls(**{one.name: found[one.name] for one in fields(cls)})
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        is_whole = all(isinstance(getattr(server, one.name), one.type) for one in fields(cls))
        return server if is_whole else None


def read_server(data: DataDir) -> ServerInfo | None:
    """Return the program that serves a data folder, None if it does not run.

    Two files contain its address, because either of them may be missing, old or damaged.
    """
    for path in (data.server, data.lock):
        server = ServerInfo.parse(_read(path))
        if server and process_start(server.pid) == server.started:
            return server
    return None


def find_server(data: DataDir) -> ServerInfo | None:
    """Return the program that serves a data folder, even if its file is missing at first.

    If a program holds the lock, but no file has its address, it will soon write the address. This
    waits up to two seconds for it.
    """
    give_up = time.monotonic() + 2 * _CHECK_INTERVAL
    while (server := read_server(data)) is None and _is_held(data.lock):
        if time.monotonic() > give_up:
            return None
        time.sleep(_POLL)
    return server


def _is_held(path: Path) -> bool:
    """Return whether a file is locked; does not try to lock it, which could disturb others."""
    try:
        inode = path.stat().st_ino
        return f":{inode} " in Path("/proc/locks").read_text("utf-8")
    except OSError:
        return False


def _read(path: Path) -> str:
    """Return the first 64 KiB of a file, empty if it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(_LONGEST).decode("utf-8", "replace")
    except OSError:
        return ""


def process_start(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot; with the pid, this is unique.

    Returns None if there is no such process, or if it has ended and is only a zombie.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    # The command's name may contain spaces and brackets; the other fields follow its last bracket.
    state, *rest = stat.rpartition(")")[2].split()
    return None if state in "ZX" else int(rest[18])
