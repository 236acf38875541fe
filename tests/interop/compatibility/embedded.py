"""An embedded cluster for as long as it is needed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def embedded_cluster(home: Path) -> Iterator[Mapping[str, str]]:
    """Run one with its data below a folder; gives the variables by which its administrator finds
    it.
    """
    data = home / "data" / "local"
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}
    process = subprocess.Popen(
        [sys.executable, "-m", "atoll_cluster", "--data", str(data)],
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    )
    assert process.stderr
    try:
        next(line for line in process.stderr if "answering at" in line)
        # What it says later must have a reader, too.
        with (home / "log").open("w") as log:
            copying = subprocess.Popen(["cat"], stdin=process.stderr, stdout=log)
        keys = json.loads((data / "credentials.json").read_text())["admin"]
        yield {
            "BACKEND_ENDPOINT": json.loads((data / "server.json").read_text())["endpoint"],
            "BACKEND_ENDPOINT_TYPE": "api",
            "BACKEND_ACCESS_KEY": keys["access_key"],
            "BACKEND_SECRET_KEY": keys["secret_key"],
        }
    finally:
        process.terminate()
        process.wait(60)
        copying.wait(60)
