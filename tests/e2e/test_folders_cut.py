"""Trees up and down over a connection that is cut again and again."""

import contextlib
import json
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import define, field

pytestmark = pytest.mark.slow

CHUNK = 256 * 1024
SMALL = int(os.environ.get("ATOLL_TEST_SMALL_FILES", "150"))
LARGE = int(os.environ.get("ATOLL_TEST_LARGE_BYTES", str(12 * 1024 * 1024)))
CHUNK_SIZE = int(os.environ.get("ATOLL_TEST_CHUNK_BYTES", str(CHUNK)))
TIMEOUT = float(os.environ.get("ATOLL_TEST_TIMEOUT", "60"))
CUTS = 5
AWAY = 0.2
"""Seconds for which nothing listens after a cut."""
HEADS = 2500
"""What the heads of a request and its answer may need, with a token, in bytes."""


@define
class Cutter:
    """A TCP proxy that breaks all connections whenever so many bytes have gone through."""

    upstream: int
    every: int
    cuts: int = 0
    passed: int = 0
    port: int = 0
    _next: int = 0
    _open: set = field(factory=set)
    _lock: threading.Lock = field(factory=threading.Lock)
    _listener: socket.socket | None = None
    _over: bool = False

    def start(self) -> None:
        """Listen."""
        self._next = self.every
        self._listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Go away for good."""
        self._over = True
        self._listener.close()
        self._break()

    def _listen(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(128)
        listener.settimeout(0.1)
        self._listener, self.port = listener, listener.getsockname()[1]

    def _accept(self) -> None:
        while not self._over:
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                if not self._over:
                    threading.Event().wait(0.01)
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(None)
        with contextlib.suppress(OSError):
            server = socket.create_connection(("127.0.0.1", self.upstream))
            pair = {client: server, server: client}
            with self._lock:
                self._open |= set(pair)
            self._pump(pair)
        for end in (client, *([] if "server" not in locals() else [server])):
            with self._lock:
                self._open.discard(end)
            end.close()

    def _pump(self, pair: dict) -> None:
        while True:
            for end in select.select(list(pair), [], [])[0]:
                data = end.recv(65536)
                if not data:
                    return
                pair[end].sendall(data)
                self._count(len(data))

    def _count(self, size: int) -> None:
        with self._lock:
            self.passed += size
            due = self.cuts < CUTS and self.passed >= self._next
            if due:
                self.cuts += 1
                self._next += self.every
        if due:
            self._listener.close()
            self._break()
            time.sleep(AWAY)  # nothing waits here: it is how long the way is down
            self._listen()

    def _break(self) -> None:
        with self._lock:
            ends, self._open = self._open, set()
        for end in ends:
            # A reset, as from a machine that has gone, and not an orderly end.
            with contextlib.suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def cutter(shared, total) -> Iterator[Cutter]:
    """A way to the storage that is cut five times while `total` bytes go over it."""
    shared.run("vfolder", "list")
    server = json.loads((shared.home / "data" / "local" / "server.json").read_text())
    port = int(server["endpoint"].rpartition(":")[2])
    made = Cutter(port, total // (CUTS + 1))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def tree(tmp_path) -> Path:
    """Many small files with odd names, an empty one, an empty folder and a large file."""
    top = tmp_path / "tree"
    names = ["plain", "with space", "ünï", "☃", "quo'te\"", "new\nline", "-dash", "~", "%41", "a&b"]
    for number in range(SMALL):
        folder = top / f"d{number % 7}" / names[number % len(names)]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}").write_bytes(os.urandom(64) * (number % 120))
    (top / "none").mkdir()
    with (top / "large").open("wb") as file:
        for _ in range(LARGE // CHUNK):
            file.write(os.urandom(CHUNK))
    os.utime(top / "large", (1_500_000_000, 1_500_000_000))
    return top


@pytest.fixture
def total(tree) -> int:
    """The bytes of all files."""
    return sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())


def contents(top: Path) -> dict[str, bytes | None]:
    """What lies below a folder, by its way; large files as their digest."""
    import hashlib

    def content(path: Path) -> bytes | None:
        if path.is_dir():
            return None
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()

    return {str(path.relative_to(top)): content(path) for path in sorted(top.rglob("*"))}


@pytest.fixture
def facing(shared, cutter, monkeypatch):
    """All that is asked of the cluster goes over that way."""
    keys = json.loads((shared.home / "data" / "local" / "credentials.json").read_text())["admin"]
    environ = {
        **shared.environ(),
        "BACKEND_ENDPOINT": f"http://127.0.0.1:{cutter.port}",
        "BACKEND_ACCESS_KEY": keys["access_key"],
        "BACKEND_SECRET_KEY": keys["secret_key"],
    }
    monkeypatch.setattr(type(shared), "environ", lambda _self: environ)
    return shared


def test_a_tree_goes_up_and_down_over_a_way_that_is_cut(facing, cutter, tree, total, tmp_path):
    """The trees are the same, and no more goes over than a chunk for each cut."""
    how = ("--chunk-size", str(CHUNK_SIZE))
    assert facing.run("vfolder", "create", "cut-tree").returncode == 0

    before = cutter.passed
    sent = facing.run(
        "vfolder", "upload", "cut-tree", "tree", "-b", str(tree.parent), *how, timeout=TIMEOUT
    )
    assert sent.returncode == 0, sent.stderr
    up, cuts_up = cutter.passed - before, cutter.cuts
    before, cutter.cuts, cutter._next = cutter.passed, 0, cutter.passed + cutter.every
    back = tmp_path / "back"
    got = facing.run("vfolder", "download", "cut-tree", "-b", str(back), *how, timeout=TIMEOUT)
    assert got.returncode == 0, got.stderr
    down, cuts_down = cutter.passed - before, cutter.cuts

    assert contents(back / "tree") == contents(tree)
    assert (cuts_up, cuts_down) == (CUTS, CUTS)
    requests = (SMALL + LARGE // CHUNK_SIZE + 12 * CUTS) * HEADS
    assert up <= total + CUTS * CHUNK_SIZE + requests
    assert down <= total + CUTS * CHUNK_SIZE + requests
    print(f"up {up - total:,} and down {down - total:,} bytes more than the files' {total:,}")  # noqa: T201  # a figure for whoever asks with -s
