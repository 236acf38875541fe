"""A cluster to talk to, and programs that talk to it, each as its user would start it."""

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO
from uuid import uuid4

import pytest
from attrs import define, field, frozen

SCRIPTS = Path(sys.executable).parent
IMAGE = os.environ.get("ATOLL_INTEROP_IMAGE", "python:3.11-debian12")
_DEADLINE = 120.0
"""Seconds after which a program is taken to hang."""


@frozen
class Cluster:
    """An endpoint and a keypair that it takes."""

    endpoint: str
    access_key: str
    secret_key: str

    @property
    def environ(self) -> dict[str, str]:
        """The variables by which every client finds it."""
        return {
            "BACKEND_ENDPOINT": self.endpoint,
            "BACKEND_ENDPOINT_TYPE": "api",
            "BACKEND_ACCESS_KEY": self.access_key,
            "BACKEND_SECRET_KEY": self.secret_key,
        }


@frozen
class Finished:
    """What a program left behind."""

    code: int
    out: str
    err: str


@define
class Running:
    """A program that is under way; what it prints can be waited for."""

    process: "subprocess.Popen[bytes]"
    _printed: dict[str, bytes] = field(factory=lambda: {"out": b"", "err": b""})
    _ended: set[str] = field(factory=set)
    _news: threading.Condition = field(factory=threading.Condition)
    _readers: list[threading.Thread] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        pipes = {"out": self.process.stdout, "err": self.process.stderr}
        for item in pipes.items():
            self._readers.append(threading.Thread(target=self._read, args=item))
            self._readers[-1].start()

    def _read(self, stream: str, pipe: IO[bytes]) -> None:
        while some := os.read(pipe.fileno(), 65536):
            with self._news:
                self._printed[stream] += some
                self._news.notify_all()
        with self._news:
            self._ended.add(stream)
            self._news.notify_all()

    def wait_for(self, text: str, stream: str = "out") -> None:
        """Wait until the program has printed `text`; fails when it ends, or hangs, without."""
        wanted = text.encode()
        with self._news:
            self._news.wait_for(
                lambda: wanted in self._printed[stream] or stream in self._ended, _DEADLINE
            )
            assert wanted in self._printed[stream], self._printed

    def has_printed(self, text: str) -> bool:
        """Whether the program has printed `text` so far, on either stream."""
        with self._news:
            return any(text.encode() in printed for printed in self._printed.values())

    def printed(self) -> str:
        """Return what the program has printed so far on standard output."""
        with self._news:
            return self._printed["out"].decode()

    def say(self, line: str) -> None:
        """Type a line."""
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def finish(self) -> Finished:
        """Wait for the end."""
        code = self.process.wait(_DEADLINE)
        for reader in self._readers:
            reader.join(_DEADLINE)
        return Finished(code, *(text.decode() for text in self._printed.values()))


@frozen
class Program:
    """A command in an environment and a folder of its own; nothing of the tester's own gets in."""

    command: Sequence[str]
    home: Path
    environ: Mapping[str, str]

    def __call__(self, *arguments: str, stdin: str | bytes = "", **environ: str) -> Finished:
        """Run it to its end."""
        done = subprocess.run(
            [*self.command, *arguments],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            timeout=_DEADLINE,
            **self._place(environ),
        )
        return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())

    @contextmanager
    def started(self, *arguments: str, **environ: str) -> Iterator[Running]:
        """Start it; it is killed, with what it has started, should that still run at the end.

        Without arguments it takes lines; a command has nothing to read.
        """
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        if arguments:
            pipes["stdin"] = subprocess.DEVNULL
        command, place = [*self.command, *arguments], self._place(environ)
        with subprocess.Popen(command, start_new_session=True, **pipes, **place) as process:
            running = Running(process)
            try:
                yield running
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                running.finish()

    def _place(self, environ: Mapping[str, str]) -> dict[str, object]:
        self.home.mkdir(exist_ok=True)
        plain = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LANG": "C.UTF-8"}
        return {"cwd": self.home, "env": {**plain, **self.environ, **environ}}


@pytest.fixture(scope="session")
def embedded_keys(tmp_path_factory) -> Iterator[dict[str, Cluster]]:
    """Run an embedded cluster; gives its keypairs, `admin` and `user`."""
    home = tmp_path_factory.mktemp("atoll-home")
    data = home / "data" / "local"
    program = Program([sys.executable, "-m", "atoll_cluster", "--data", str(data)], home, {})
    with program.started() as running:
        running.wait_for("answering at", "err")
        endpoint = json.loads((data / "server.json").read_text())["endpoint"]
        keys = json.loads((data / "credentials.json").read_text())
        yield {owner: Cluster(endpoint, **pair) for owner, pair in keys.items()}
        running.process.terminate()
        assert running.finish().code == 0


@pytest.fixture(scope="session")
def embedded(embedded_keys) -> Cluster:
    """The embedded cluster, as its administrator."""
    return embedded_keys["admin"]


@pytest.fixture(scope="session")
def image() -> str:
    """The image to run sessions of."""
    return IMAGE


@pytest.fixture(scope="session")
def make_cluster():
    """Return the function that describes a cluster: endpoint, access key, secret key."""
    return Cluster


@pytest.fixture(scope="session")
def place_program():
    """Return the function that puts a command in a folder, facing a cluster.

    A bare name is that of one of our own programs.
    """

    def place(
        home: Path, command: Path | str, cluster: Cluster | None = None, **environ: str
    ) -> Program:
        facing = cluster.environ if cluster else {}
        return Program([str(SCRIPTS / command)], home, {**facing, **environ})

    return place


@pytest.fixture
def make_program(tmp_path, place_program):
    """Return the function that puts a command in a place of its own, facing a cluster."""
    return partial(place_program, tmp_path / "work")


@pytest.fixture
def name() -> str:
    """A session name that nobody else uses."""
    return f"it-{uuid4().hex[:10]}"


HERE = Path(__file__).parent
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


@pytest.fixture(scope="session")
def endpoint(make_cluster):
    """The cluster not written here, by BACKEND_ENDPOINT and its keys."""
    if "BACKEND_ENDPOINT" not in os.environ:
        pytest.skip("no cluster to talk to: BACKEND_ENDPOINT is not set")
    keys = (os.environ[f"BACKEND_{key}_KEY"] for key in ("ACCESS", "SECRET"))
    return make_cluster(os.environ["BACKEND_ENDPOINT"], *keys)


@pytest.fixture(scope="module", params=["embedded", "endpoint"])
def cluster(request):
    """Each of the two in its turn."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def atoll(cluster, make_program):
    """The shell, facing the cluster as its administrator, configured by the environment alone."""
    return make_program("atoll", cluster)


@pytest.fixture(scope="session")
def clients() -> list[Client]:
    """The releases of the official client."""
    return CLIENTS


@pytest.fixture(scope="module", params=CLIENTS, ids=str)
def client(request) -> Client:
    return request.param


@pytest.fixture(scope="module")
def command(client) -> Path:
    return official_program(client)


@pytest.fixture(scope="session")
def client_of_23() -> Path:
    """The client of 23.09."""
    return official_program(next(one for one in CLIENTS if one.release.startswith("23.")))


@pytest.fixture(scope="session")
def web_server_python() -> Path:
    """The Python that has Backend.AI's web server of 23.09."""
    return install("web", "webserver-23.txt", needed_python("3.11")) / "python"


@pytest.fixture(scope="session")
def suite_python() -> Path:
    """The Python that has Backend.AI's own tests of its command line."""
    return install("suite", "suite.txt", needed_python("3.13")) / "python"


@pytest.fixture
def official(command, embedded, make_program):
    """The client, as the administrator of the embedded cluster."""
    return make_program(command, embedded)
