"""Another program that holds a database locked."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import pytest

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], 30, isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


class Lock(Protocol):
    """Holds a database locked for as long as a block lasts."""

    def __call__(self, path: Path) -> AbstractContextManager[None]: ...


@pytest.fixture
def locked() -> Lock:
    @contextmanager
    def hold(path: Path) -> Iterator[None]:
        pipe = subprocess.PIPE
        with subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=pipe, stdout=pipe) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == b"locked\n"
            yield
            other.communicate()

    return hold
