"""A cluster to talk to, and programs that talk to it, each as its user would start it."""

import json
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from attrs import frozen
from tests.official import CLIENTS, Client, install, needed_python, official_program
from tests.programs import Program

SCRIPTS = Path(sys.executable).parent
IMAGE = os.environ.get("ATOLL_INTEROP_IMAGE", "python:3.11-debian12")


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
