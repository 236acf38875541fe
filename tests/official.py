"""The official clients, each installed in an environment of its own."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import frozen

HERE = Path(__file__).parent / "interop"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
VENVS = Path(os.environ.get("ATOLL_INTEROP_VENVS") or CACHE / "atoll-interop")


@frozen(kw_only=True)
class Client:
    """A release of the official client, and how it spells things.

    `group` is the word before its commands on sessions, `no_sessions` what it prints where there
    are none.
    """

    release: str
    python: str
    requirements: str
    group: tuple[str, ...] = ()
    no_sessions: str

    def __str__(self) -> str:
        return self.release


CLIENTS = [
    Client(
        release="21.3.11",
        python="3.9",
        requirements="client-21.txt",
        no_sessions="There are no matching sessions.",
    ),
    Client(
        release="23.9.10",
        python="3.11",
        requirements="client-23.txt",
        group=("session",),
        no_sessions="NoItems",  # a mishap of its own, on any cluster
    ),
    Client(
        release="26",
        python="3.13",
        requirements="client-26.txt",
        group=("session",),
        no_sessions="Session ID",  # the header alone
    ),
]


def find_python(version: str) -> Path | None:
    """Find an interpreter of this version on PATH or among pyenv's."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = [Path(sys.executable), *pyenv.glob(f"versions/{version}.*/bin/python")]
    if on_path := shutil.which(f"python{version}"):
        found.insert(1, Path(on_path))
    return next((python for python in found if _version_of(python) == version), None)


def _version_of(python: Path) -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    # pyenv's own stand-ins are found, and fail, where the version is not the one in use.
    return subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()


def install(name: str, requirements: str, python: Path) -> Path:
    """Return where the programs are of what a file asks for, kept installed for the next time."""
    wanted = (HERE / requirements).read_bytes()
    venv = VENVS / f"{name}-{hashlib.sha256(wanted).hexdigest()[:12]}"
    with _locked(VENVS / f"{venv.name}.lock"):
        complete = venv / "complete"
        if not complete.exists():
            shutil.rmtree(venv, ignore_errors=True)
            subprocess.run([python, "-m", "venv", venv], check=True)
            _pip(venv, "--requirement", str(HERE / requirements))
            complete.touch()
    return venv / "bin"


def official_program(client: Client) -> Path:
    """Return a client's program; skips the test where its Python is missing."""
    return install(client.release, client.requirements, needed_python(client.python)) / "backend.ai"


def needed_python(version: str) -> Path:
    """Return an interpreter of this version; skips the test where there is none."""
    python = find_python(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    return python


def _pip(venv: Path, *arguments: str) -> None:
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    command = [venv / "bin" / "python", "-m", "pip", "install", *quiet, *arguments]
    subprocess.run(command, check=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
