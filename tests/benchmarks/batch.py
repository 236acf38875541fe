"""A script of 1,000 `info` lines, beside official clients and beside its requests alone.

`atoll` reads the lines from a pipe, in one process. An official client is one process for each, of
which 20 are run. Bare httpx sends the very requests that atoll sends, recorded before, over one
connection; it reads the answers and does nothing with them. Whole processes are timed, in turns:

    python tests/benchmarks/batch.py [LINES] [--check]
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self
from urllib.parse import urlsplit

from common import ATOLL, embedded_cluster, official_client, run, say, wall_time

SESSION = "bench-batch"
LINE = ("info", SESSION)
OFFICIAL = ("23.9.10", "26")
RUNS = 20
TURNS = 5
FASTER = 100
"""How many times as long an official client is to take, for as many lines."""
SLOWER = 1.5
"""How many times as long as bare httpx atoll may take."""
REPLAY = """
import json, sys, httpx
recorded, times = json.load(open(sys.argv[1])), int(sys.argv[2])
with httpx.Client(base_url=recorded["url"]) as client:
    for _ in range(times):
        for method, target, headers, body in recorded["requests"]:
            client.request(method, target, headers=headers, content=body).raise_for_status().json()
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print both ratios, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", type=int, nargs="?", default=1000)
    parser.add_argument("--check", action="store_true", help="exit with 1 where a target is missed")
    options = parser.parse_args(arguments)
    # A short name: the paths of sockets have room for little.
    with tempfile.TemporaryDirectory(prefix="at") as name, embedded_cluster(Path(name)) as environ:
        start = [ATOLL, "start", "-q", "-t", SESSION, "-r", "cpu=0.1", "-r", "mem=256m", "python"]
        session = run(start, environ).strip()
        met = measure(Path(name), environ, session, options.lines)
    return 0 if met or not options.check else 1


def measure(folder: Path, environ: Mapping[str, str], session: str, lines: int) -> bool:
    """Measure all; returns whether the targets are met."""
    recorded = folder / "requests.json"
    once = record(environ, recorded)
    clients = {release: found for release in OFFICIAL if (found := official_client(release))}
    taken: dict[str, list[float]] = {"atoll": [], "httpx": [], **{name: [] for name in clients}}
    script(environ, lines)  # it leaves compiled modules behind
    for _ in range(TURNS):
        taken["atoll"].append(script(environ, lines))
        taken["httpx"].append(replay(environ, recorded, lines))
        for release, client in clients.items():
            # Since 23.03, it takes no names.
            command = [client, "session", "info", session]
            taken[release] += [wall_time(command, environ) for _ in range(RUNS // TURNS)]
    medians = {name: statistics.median(times) for name, times in taken.items()}
    own, bare = medians.pop("atoll"), medians.pop("httpx")
    say(f"{lines} lines of {' '.join(LINE)}, {once} request{'s' * (once > 1)} each: {own:.2f} s")
    met = [tell(f"bare httpx, the same requests: {bare:.2f} s", own / bare, SLOWER, "at most")]
    for release, each in medians.items():
        told = f"client {release}, {RUNS} runs: {each:.2f} s each"
        met.append(tell(told, each * lines / own, FASTER, "at least"))
    return all(met)


def tell(what: str, ratio: float, target: float, bound: str) -> bool:
    """Print a ratio; returns whether it meets its target."""
    met = ratio >= target if bound == "at least" else ratio <= target
    say(f"{what}: {ratio:.2f}x, {bound} {target:g}x: {'met' if met else 'MISSED'}")
    return met


def script(environ: Mapping[str, str], lines: int) -> float:
    """Pipe the lines into atoll; returns the seconds of the whole process."""
    text = (" ".join(LINE) + "\n") * lines
    return timed([ATOLL, "--output", "jsonl"], environ, text, lines)


def replay(environ: Mapping[str, str], recorded: Path, lines: int) -> float:
    """Send the recorded requests as often; returns the seconds of the whole process."""
    return timed([sys.executable, "-c", REPLAY, str(recorded), str(lines)], environ, "", 0)


def timed(command: Sequence[str], environ: Mapping[str, str], text: str, count: int) -> float:
    """Run a process that reads a text, and has to write so many lines; returns its seconds."""
    began = time.perf_counter()
    done = subprocess.run(command, env=environ, input=text, capture_output=True, text=True)
    taken = time.perf_counter() - began
    if done.returncode or done.stdout.count("\n") != count:
        sys.exit(f"{' '.join(command[:3])} failed: {done.stdout[-300:]}{done.stderr[-600:]}")
    return taken


def record(environ: Mapping[str, str], path: Path) -> int:
    """Write down what each line but the first sends; returns the number of requests."""
    url, counts = environ["BACKEND_ENDPOINT"], []
    for lines in (1, 2):
        with Recorder(url) as recorder:
            script({**environ, "BACKEND_ENDPOINT": recorder.url}, lines)
        counts.append(len(recorder.requests))
    # The first line finds out about the cluster as well.
    each = counts[1] - counts[0]
    path.write_text(json.dumps({"url": url, "requests": recorder.requests[-each:]}))
    return each


class Recorder:
    """Passes requests on to a cluster, and keeps them: method, target, headers, body."""

    def __init__(self, url: str) -> None:
        self.requests: list[tuple[str, str, dict[str, str], str]] = []
        to, requests = urlsplit(url), self.requests

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = dict(self.headers.items())
                requests.append((self.command, self.path, headers, body.decode()))
                connection = HTTPConnection(to.hostname or "", to.port)
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                connection.close()

            do_GET = do_POST = handle_any  # noqa: N815  # as http.server calls them

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


if __name__ == "__main__":
    sys.exit(main())
