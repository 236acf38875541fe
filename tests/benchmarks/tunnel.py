"""A tunnel into a session: bytes per second both ways, and the time of an exchange, beside others.

`atoll app` and, where ATOLL_OFFICIAL_CLIENT names it, the official client's `app` go through the
embedded cluster to a program in a session. `ssh -L` and socat lead to the same program beside it,
with no session in between. All take turns, and the best of each is shown, since whatever else the
machine does can only take away:

    python tests/benchmarks/tunnel.py [ROUNDS]
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ATOLL = Path(sys.executable).with_name("atoll")
OFFICIAL = os.environ.get("ATOLL_OFFICIAL_CLIENT")
SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
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


def ways(stack: ExitStack, folder: Path) -> Iterator[tuple[str, object]]:
    """Yield what there is on this machine, each with what opens it at a port."""
    environ = stack.enter_context(session(folder))
    yield "atoll", started([ATOLL, "app", "bench", str(APP_PORT), "-b"], environ)
    if OFFICIAL:
        yield "official", started([OFFICIAL, "app", "bench", str(APP_PORT), "-b"], environ)
    inner = free_port()
    command = [sys.executable, "-c", SERVICE, str(inner)]
    stack.enter_context(process(command, inner))
    if SSHD:
        yield "ssh -L", ssh_forward(stack, folder, inner)
    if shutil.which("socat"):
        yield "socat", relayed(inner)


@contextmanager
def session(folder: Path) -> Iterator[dict[str, str]]:
    """Run the program in a session of an embedded cluster; yields how clients find that."""
    environ = {**os.environ, "ATOLL_HOME": str(folder / "atoll"), "BACKEND_ENDPOINT_TYPE": "api"}
    environ.pop("BACKEND_ENDPOINT", None)
    subprocess.run([ATOLL, "start", "-t", "bench", "--preopen", str(APP_PORT), "python"],
                   env=environ, check=True, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        words = ["import subprocess, sys", f"service = {SERVICE!r}",
                 f"subprocess.Popen([sys.executable, '-c', service, '{APP_PORT}'])"]  # fmt: skip
        run = [ATOLL, "run", "-q", "-t", "bench", "-c", "; ".join(words), "python"]
        subprocess.run(run, env=environ, check=True, stdout=subprocess.DEVNULL)
        env = subprocess.run([ATOLL, "local", "env"], env=environ, check=True, capture_output=True)
        yield {**environ, **settings(env.stdout.decode())}
    finally:
        subprocess.run([ATOLL, "local", "down"], env=environ, check=True)


def settings(text: str) -> dict[str, str]:
    """Read lines of the form `export KEY=VALUE`."""
    lines = [line.removeprefix("export ") for line in text.splitlines() if "=" in line]
    return {key: value.strip("'\"") for key, _, value in (line.partition("=") for line in lines)}


@contextmanager
def started(command: list[object], environ: dict[str, str]) -> Iterator[int]:
    """Run a client that listens at the port that is given last."""
    port = free_port()
    with process([*map(str, command), str(port)], port, environ):
        yield port


@contextmanager
def relayed(inner: int) -> Iterator[int]:
    """Have socat pass on what comes."""
    port = free_port()
    listen = f"TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr"
    with process(["socat", "-b262144", listen, f"TCP:127.0.0.1:{inner}"], port):
        yield port


@contextmanager
def ssh_forward(stack: ExitStack, folder: Path, inner: int) -> Iterator[int]:
    """Run a server of SSH with keys of its own, and forward a port through it."""
    door, port = free_port(), free_port()
    for name in ("host", "user"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True
        )
    shutil.copy(folder / "user.pub", folder / "authorized")
    config = ["-o", f"HostKey={folder}/host", "-o", f"AuthorizedKeysFile={folder}/authorized",
              "-o", "StrictModes=no", "-o", "UsePAM=no", "-o", "PidFile=none"]  # fmt: skip
    Path("/run/sshd").mkdir(exist_ok=True)
    server = [
        str(SSHD),
        "-D",
        "-e",
        "-f",
        "/dev/null",
        "-p",
        str(door),
        "-o",
        "ListenAddress=127.0.0.1",
    ]
    stack.enter_context(process([*server, *config], door))
    client = ["ssh", "-N", "-p", str(door), "-i", str(folder / "user"), "-F", "/dev/null",
              "-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={folder}/known",
              "-L", f"127.0.0.1:{port}:127.0.0.1:{inner}", "127.0.0.1"]  # fmt: skip
    with process(client, port):
        yield port


@contextmanager
def process(command: list[str], port: int, environ: dict[str, str] | None = None) -> Iterator[None]:
    """Run a program until the block ends, once it listens at a port."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environ, **quiet) as running:
        try:
            wait_for(port, running)
            yield
        finally:
            running.terminate()


def wait_for(port: int, running: "subprocess.Popen[bytes]") -> None:
    """Wait until an exchange through a port works."""
    for _ in range(100):
        if running.poll() is not None:
            sys.exit(f"{running.args[0]} has ended with {running.returncode}")
        try:
            with connected(port, b"e") as peer:
                peer.sendall(b"x")
                if peer.recv(1):
                    return
        except OSError:
            pass
        time.sleep(0.1)


@contextmanager
def connected(port: int, kind: bytes) -> Iterator[socket.socket]:
    """Connect, and say what for."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.sendall(kind)
        yield peer


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


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
    say(f"{'':10}{'down MB/s':>10}{'up MB/s':>10}{'there and back us':>19}   atoll beside it")
    for name, (down, up, back) in figures.items():
        beside = f"{ours[0] / down:.2f}  {ours[1] / up:.2f}  {back / ours[2]:.2f}"
        say(f"{name:10}{down:10.0f}{up:10.0f}{back:19.0f}   {beside if name != 'atoll' else ''}")


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201  # the table is what this program is for


if __name__ == "__main__":
    main()
