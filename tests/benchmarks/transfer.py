"""Files into a folder and out of it, beside curl and the official client on the same endpoint.

One large file says what the data path costs, many small ones what each file costs. The endpoint is
that of BACKEND_ENDPOINT, else an embedded cluster of its own. The lines of a peer that is not on
this machine are left out.

    python tests/benchmarks/transfer.py [MEBIBYTES] [FILES]
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from urllib.request import Request, urlopen

from attrs import frozen
from common import (
    ATOLL,
    RELEASE,
    embedded_cluster,
    official_client,
    plain_environment,
    program,
    run,
    say,
    wall_time,
)

from atoll import Profile
from atoll_rest.api import signed_headers

MEBIBYTES = int(sys.argv[1]) if len(sys.argv) > 1 else 512
FILES = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
FOLDER = "bench-transfer"
ROUNDS = 3


@frozen
class Bench:
    """A folder to work in, and the environment that leads to a cluster."""

    place: Path
    environ: dict[str, str]

    def run(self, *command: str) -> str:
        """Run a program to its end; returns what it printed."""
        return run(command, self.environ, self.place)

    def time(self, *command: str, folder: str = ".") -> float:
        """Run a program to its end; returns the seconds that it took."""
        return wall_time(command, self.environ, self.place / folder)

    def atoll(self, *words: str) -> float:
        """Move files with atoll; returns the seconds that it counts."""
        printed = self.run(ATOLL, "--output", "json", "vfolder", *words)
        return float(json.loads(printed)["seconds"])

    def ticket(self, verb: str, **content: object) -> str:
        """Return a link of the storage, as every client gets it."""
        profile = Profile(
            name="bench",
            endpoint=self.environ["BACKEND_ENDPOINT"],
            access_key=self.environ["BACKEND_ACCESS_KEY"],
            secret_key=self.environ["BACKEND_SECRET_KEY"],
        )
        target = f"/folders/{FOLDER}/{verb}"
        headers = signed_headers(
            profile,
            method="POST",
            target=target,
            content_type="application/json",
            version="v7.20230615",
        )
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

    up = {"atoll": lambda: bench.atoll("upload", FOLDER, "large")}
    down = {"atoll": lambda: bench.atoll("download", FOLDER, "large", "-b", "down")}
    if program("curl"):
        up["curl"] = lambda: _curl_up(bench, size)
        down["curl"] = lambda: _curl_down(bench)
    compare(f"{MEBIBYTES} MiB up", up, MEBIBYTES, "MiB/s")
    compare(f"{MEBIBYTES} MiB down", down, MEBIBYTES, "MiB/s")


def _curl_up(bench: Bench, size: int) -> float:
    link = bench.ticket("request-upload", path="curl", size=size)
    tus = ["Tus-Resumable: 1.0.0", "Upload-Offset: 0"]
    tus.append("Content-Type: application/offset+octet-stream")
    headers = [part for line in tus for part in ("-H", line)]
    return bench.time("curl", "-sSf", "-X", "PATCH", *headers, "-T", "large", link)


def _curl_down(bench: Bench) -> float:
    link = bench.ticket("request-download", path="large", archive=False)
    return bench.time("curl", "-sSf", "-o", "by-curl", link)


def small(bench: Bench) -> None:
    """Move many small files; the whole run of each program counts."""
    folder = bench.place / "small"
    folder.mkdir()
    names = [f"{number:05}" for number in range(FILES)]
    for name in names:
        (folder / name).write_bytes(os.urandom(4096))
    up = {"atoll": lambda: bench.time(ATOLL, "vfolder", "upload", FOLDER, "small")}
    down = {"atoll": lambda: _fresh(bench, ATOLL, FOLDER, "small", "-b", "to")}
    if client := official_client(RELEASE):
        upload = (client, "vfolder", "upload", FOLDER, *names)
        up["official"] = lambda: bench.time(*upload, folder="small")
        down["official"] = lambda: _fresh(bench, client, "-b", "to", FOLDER, *names)
    compare(f"{FILES} files of 4 KiB up", up, FILES, "files/s", rounds=1)
    compare(f"{FILES} files of 4 KiB down", down, FILES, "files/s", rounds=1)


def _fresh(bench: Bench, client: str, *words: str) -> float:
    """Download to where nothing is yet."""
    target = bench.place / "to"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    return bench.time(client, "vfolder", "download", *words)


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


def cluster(home: Path) -> AbstractContextManager[dict[str, str]]:
    """Give the environment that leads to a cluster; an embedded one lasts as long as this."""
    given = {name: value for name, value in os.environ.items() if name.startswith("BACKEND_")}
    if given.get("BACKEND_ENDPOINT"):
        return nullcontext(plain_environment(home) | given)
    return embedded_cluster(home)


def _memory() -> str | None:
    """Return a folder in memory, where there is one: disks would be what is measured."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  # a fresh folder is made in it


if __name__ == "__main__":
    main()
