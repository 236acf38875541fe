"""Files into a folder and out of it, beside curl and the official client on the same endpoint.

One large file says what the data path costs, many small ones what each file costs. The endpoint is
that of BACKEND_ENDPOINT, else an embedded cluster of its own. The official client is the program
that OFFICIAL_CLIENT names; without it its lines are left out.

    python tests/benchmarks/transfer.py [MEBIBYTES] [FILES]
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

from attrs import frozen

from atoll.profiles import Profile
from atoll_rest.api import signed_headers

ATOLL = Path(sys.executable).with_name("atoll")
OFFICIAL = os.environ.get("OFFICIAL_CLIENT", "")
MEBIBYTES = int(sys.argv[1]) if len(sys.argv) > 1 else 512
FILES = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
FOLDER = "bench-transfer"
ROUNDS = 3


@frozen
class Bench:
    """A folder to work in, and the environment that leads to a cluster."""

    place: Path
    environ: dict[str, str]

    def run(self, *command: object, cwd: str = ".") -> str:
        """Run a program to its end; returns what it wrote."""
        done = subprocess.run(
            list(map(str, command)),
            cwd=self.place / cwd,
            env=self.environ,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            sys.exit(f"{command[:4]} failed: {done.stdout[-300:]} {done.stderr[-600:]}")
        return done.stdout

    def atoll(self, *words: object) -> float:
        """Move files with atoll; returns the seconds that it counts."""
        return float(json.loads(self.run(ATOLL, "--output", "json", "vfolder", *words))["seconds"])

    def ticket(self, verb: str, **content: object) -> str:
        """Return a link of the storage, as every client gets it."""
        profile = Profile(
            name="bench",
            endpoint=self.environ["BACKEND_ENDPOINT"],
            access_key=self.environ["BACKEND_ACCESS_KEY"],
            secret_key=self.environ["BACKEND_SECRET_KEY"],
        )
        target = f"/folders/{FOLDER}/{verb}"
        facts = {"method": "POST", "target": target, "content_type": "application/json"}
        headers = signed_headers(profile, **facts, version="v7.20230615")
        request = Request(  # noqa: S310  # the endpoint is the tester's own
            profile.endpoint + target,
            json.dumps(content).encode(),
            {**headers, "Content-Type": "application/json"},
        )
        with urlopen(request) as answer:  # noqa: S310  # as above
            told = json.load(answer)
        return f"{told['url']}?token={told['token']}"


def main() -> None:
    """Print a table: what was moved, by whom, how fast, and how that stands beside the others."""
    with tempfile.TemporaryDirectory(dir=_memory()) as name, cluster(Path(name)) as environ:
        bench = Bench(Path(name), environ)
        bench.run(ATOLL, "vfolder", "create", FOLDER)
        try:
            large(bench)
            small(bench)
        finally:
            bench.run(ATOLL, "vfolder", "delete", "-y", FOLDER)


def large(bench: Bench) -> None:
    """Move one large file."""
    with (bench.place / "large").open("wb") as file:
        for _ in range(MEBIBYTES):
            file.write(os.urandom(1024 * 1024))
    size = MEBIBYTES * 1024 * 1024

    def curl_up() -> float:
        link = bench.ticket("request-upload", path="curl", size=size)
        tus = ["Tus-Resumable: 1.0.0", "Upload-Offset: 0"]
        tus.append("Content-Type: application/offset+octet-stream")
        headers = [part for line in tus for part in ("-H", line)]
        return timed(
            lambda: bench.run("curl", "-sSf", "-X", "PATCH", *headers, "-T", "large", link)
        )

    def curl_down() -> float:
        link = bench.ticket("request-download", path="large", archive=False)
        return timed(lambda: bench.run("curl", "-sSf", "-o", "by-curl", link))

    def up() -> float:
        return bench.atoll("upload", FOLDER, "large")

    def down() -> float:
        return bench.atoll("download", FOLDER, "large", "-b", "down")

    compare(f"{MEBIBYTES} MiB up", {"atoll": up, "curl": curl_up}, MEBIBYTES, "MiB/s")
    compare(f"{MEBIBYTES} MiB down", {"atoll": down, "curl": curl_down}, MEBIBYTES, "MiB/s")


def small(bench: Bench) -> None:
    """Move many small files; the whole run of each program counts."""
    folder = bench.place / "small"
    folder.mkdir()
    names = [f"{number:05}" for number in range(FILES)]
    for name in names:
        (folder / name).write_bytes(os.urandom(4096))
    up: dict[str, Callable[[], float]] = {}
    down: dict[str, Callable[[], float]] = {}
    up["atoll"] = lambda: timed(lambda: bench.run(ATOLL, "vfolder", "upload", FOLDER, "small"))
    down["atoll"] = lambda: _fresh(bench, ATOLL, FOLDER, "small", "-b", "to")
    if OFFICIAL:
        up["official"] = lambda: timed(
            lambda: bench.run(OFFICIAL, "vfolder", "upload", FOLDER, *names, cwd="small")
        )
        down["official"] = lambda: _fresh(bench, OFFICIAL, "-b", "to", FOLDER, *names)
    compare(f"{FILES} files of 4 KiB up", up, FILES, "files/s", rounds=1)
    compare(f"{FILES} files of 4 KiB down", down, FILES, "files/s", rounds=1)


def _fresh(bench: Bench, program: object, *words: object) -> float:
    """Download to where nothing is yet."""
    target = bench.place / "to"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    return timed(lambda: bench.run(program, "vfolder", "download", *words))


def compare(
    what: str,
    ways: dict[str, Callable[[], float]],
    amount: int,
    unit: str,
    *,
    rounds: int = ROUNDS,
) -> None:
    """Go each way in turn, several times, and print the best of each."""
    seconds: dict[str, list[float]] = {who: [] for who in ways}
    for _ in range(rounds):
        for who, go in ways.items():
            seconds[who].append(go())
    best = {who: min(taken) for who, taken in seconds.items()}
    for who, taken in best.items():
        ratio = f"atoll is {taken / best['atoll']:.2f} times as fast" if who != "atoll" else ""
        say(f"{what:24} {who:9} {taken:8.2f} s  {amount / taken:8.0f} {unit:8} {ratio}")


def timed(do: Callable[[], object]) -> float:
    """Return how long something takes, in seconds."""
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


@contextmanager
def cluster(home: Path) -> Iterator[dict[str, str]]:
    """Give the environment that leads to a cluster; an embedded one lasts as long as this."""
    environ = {**os.environ, "ATOLL_HOME": str(home / "atoll")}
    if "BACKEND_ENDPOINT" in environ:
        yield environ
        return
    subprocess.run([ATOLL, "local", "up"], env=environ, check=True, capture_output=True)
    data = home / "atoll" / "data" / "local"
    keys = json.loads((data / "credentials.json").read_text())["admin"]
    try:
        yield environ | {
            "BACKEND_ENDPOINT": json.loads((data / "server.json").read_text())["endpoint"],
            "BACKEND_ENDPOINT_TYPE": "api",
            "BACKEND_ACCESS_KEY": keys["access_key"],
            "BACKEND_SECRET_KEY": keys["secret_key"],
        }
    finally:
        plain = {key: value for key, value in environ.items() if not key.startswith("BACKEND_")}
        subprocess.run([ATOLL, "local", "down"], env=plain, check=True, capture_output=True)


def _memory() -> str | None:
    """Return a folder in memory, where there is one: disks would be what is measured."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # a fresh folder is made in it


def say(*words: Sequence[str] | str) -> None:
    """Print a line at once."""
    print(*words, flush=True)  # noqa: T201  # the answer of this program


if __name__ == "__main__":
    main()
