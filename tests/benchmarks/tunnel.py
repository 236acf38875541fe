"""A tunnel into a session: bytes per second both ways, and the time of an exchange, beside others.

`atoll app` and the official client's `app` go through the embedded cluster to a program in a
session. `ssh -L` and socat lead to the same program beside it, with no session in between; two
socats, one behind the other, are as many steps as a client and a cluster. All take turns, and the
best of each is shown, since whatever else the machine does can only take away:

    python tests/benchmarks/tunnel.py [ROUNDS]
"""

import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

from common import (
    ATOLL,
    RELEASE,
    embedded_cluster,
    free_port,
    official_client,
    openssh_server,
    program,
    run,
    say,
    serving,
)

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
SIZE = 256 * 2**20
EXCHANGES = 500
APP_PORT = 9101

SERVICE = f"""
import socket, sys, threading
def serve(peer):
    kind = peer.recv(1)
    piece = memoryview(bytearray(2**18))
    if kind == b"d":
        for _ in range({SIZE} // len(piece)): peer.sendall(piece)
    elif kind == b"u":
        left = {SIZE}
        while left > 0: left -= peer.recv_into(piece)
        peer.sendall(b".")
    else:
        while some := peer.recv(64): peer.sendall(some)
    peer.close()
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


def main() -> None:
    """Print a table: MB/s down and up, microseconds for an exchange, and each as a ratio."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ports = {name: stack.enter_context(way) for name, way in ways(stack, folder)}
        figures: dict[str, list[tuple[float, ...]]] = {name: [] for name in ports}
        for _ in range(ROUNDS):
            for name, port in ports.items():
                figures[name].append((download(port), upload(port), exchange(port)))
    show({name: best(rounds) for name, rounds in figures.items()})


def best(rounds: list[tuple[float, ...]]) -> tuple[float, ...]:
    """Return the highest rates and the shortest time."""
    down, up, back = zip(*rounds, strict=True)
    return max(down), max(up), min(back)


def ways(stack: ExitStack, folder: Path) -> Iterator[tuple[str, AbstractContextManager[int]]]:
    """Yield what there is on this machine, each with what opens it at a port."""
    environ = stack.enter_context(session(folder))
    yield "atoll", tunnel(ATOLL, environ)
    if client := official_client(RELEASE):
        yield "official", tunnel(client, environ)
    inner = free_port()
    service = [sys.executable, "-c", SERVICE, str(inner)]
    stack.enter_context(serving(service, inner, ready=answers))
    if sshd := program("sshd"):
        peer = stack.enter_context(openssh_server(sshd, folder))
        yield "ssh -L", forwarded(peer, inner)
    if socat := program("socat"):
        yield "socat", relayed(socat, inner)
        middle = stack.enter_context(relayed(socat, inner))
        yield "two socats", relayed(socat, middle)


@contextmanager
def session(folder: Path) -> Iterator[dict[str, str]]:
    """Run the program in a session of an embedded cluster; yields how clients find that."""
    words = ["import subprocess, sys", f"service = {SERVICE!r}",
             f"subprocess.Popen([sys.executable, '-c', service, '{APP_PORT}'])"]  # fmt: skip
    with embedded_cluster(folder) as environ:
        run([ATOLL, "start", "-t", "bench", "--preopen", str(APP_PORT), "python"], environ)
        run([ATOLL, "run", "-q", "-t", "bench", "-c", "; ".join(words), "python"], environ)
        yield environ


def tunnel(client: str, environ: Mapping[str, str]) -> AbstractContextManager[int]:
    """Have a client lead a port to the program in the session."""
    port = free_port()
    command = [client, "app", "bench", str(APP_PORT), "-b", str(port)]
    return serving(command, port, environ, ready=answers)


def forwarded(peer: Path, inner: int) -> AbstractContextManager[int]:
    """Forward a port through OpenSSH."""
    port = free_port()
    forward = f"127.0.0.1:{port}:127.0.0.1:{inner}"
    return serving(["ssh", "-F", str(peer), "-N", "-L", forward, "peer"], port, ready=answers)


def relayed(socat: str, inner: int) -> AbstractContextManager[int]:
    """Have socat pass on what comes."""
    port = free_port()
    listen = f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr"
    return serving([socat, "-b262144", listen, f"TCP:127.0.0.1:{inner}"], port, ready=answers)


def answers(port: int) -> bool:
    """Whether an exchange through a port works."""
    with suppress(OSError), connected(port, b"e") as peer:
        peer.sendall(b"x")
        return peer.recv(1) == b"x"
    return False


@contextmanager
def connected(port: int, kind: bytes) -> Iterator[socket.socket]:
    """Connect, and say what for."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.sendall(kind)
        yield peer


def download(port: int) -> float:
    """Return the MB/s out of the service."""
    piece, left = bytearray(2**18), SIZE
    with connected(port, b"d") as peer:
        began = time.perf_counter()
        while left > 0 and (count := peer.recv_into(piece)):
            left -= count
    return rate(began)


def upload(port: int) -> float:
    """Return the MB/s into the service, up to its word that it has all."""
    piece = bytes(2**18)
    with connected(port, b"u") as peer:
        began = time.perf_counter()
        for _ in range(SIZE // len(piece)):
            peer.sendall(piece)
        peer.recv(1)
    return rate(began)


def rate(began: float) -> float:
    """Return the MB/s since then."""
    return SIZE / 1e6 / (time.perf_counter() - began)


def exchange(port: int) -> float:
    """Return the microseconds that a byte takes there and back."""
    with connected(port, b"e") as peer:
        began = time.perf_counter()
        for _ in range(EXCHANGES):
            peer.sendall(b"x")
            peer.recv(1)
        return (time.perf_counter() - began) / EXCHANGES * 1e6


def show(figures: dict[str, tuple[float, ...]]) -> None:
    """Print the table; ratios above 1 say that atoll is the faster one."""
    ours = figures["atoll"]
    say(f"{'':11}{'down MB/s':>10}{'up MB/s':>10}{'there and back us':>19}   atoll beside it")
    for name, (down, up, back) in figures.items():
        beside = f"{ours[0] / down:.2f}  {ours[1] / up:.2f}  {back / ours[2]:.2f}"
        say(f"{name:11}{down:10.0f}{up:10.0f}{back:19.0f}   {beside if name != 'atoll' else ''}")


if __name__ == "__main__":
    main()
