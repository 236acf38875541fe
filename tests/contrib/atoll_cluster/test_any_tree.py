"""Whatever tree a session makes, all that is asked of it is answered, and nothing outside changes.

Trees are drawn at random: of any depth, names of any bytes, links, holes, closed folders.
"""

import os
import stat
from contextlib import suppress
from uuid import uuid4

import pytest
from attrs import frozen
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.contrib.trees import LATIN, ODD_NAMES, nest

from atoll_cluster.storage.path_encoding import encode_path
from atoll_cluster.storage.removal import remove

pytestmark = pytest.mark.slow

EXAMPLES = 4
ARGUMENTS = ("--keep-sessions",)

names = st.one_of(
    st.sampled_from(ODD_NAMES),
    st.binary(min_size=1, max_size=60)
    .filter(lambda name: name not in {b".", b".."} and not {0, ord("/")} & set(name))
    .map(os.fsdecode),
)
depths = st.one_of(st.integers(1, 40), st.integers(900, 1100), st.just(2500))


@frozen
class Thing:
    """Something in a tree: what it is, its name, and how deep or large it is, or where it leads."""

    kind: str
    name: str
    more: object = None

    def put(self, folder, outside):
        """Make it in a folder; a name that is taken is left."""
        place = folder / self.name
        if self.kind == "chain":
            place.mkdir()
            nest(place, self.more, self.name)
        elif self.kind == "file":
            with place.open("xb") as file:
                file.truncate(self.more)
        elif self.kind == "link":
            place.symlink_to({"outside": outside, "self": self.name}.get(self.more, self.more))
        elif self.kind == "closed":
            place.mkdir()
            (place / "within").touch()
            place.chmod(self.more)
        else:
            os.mkfifo(place)


things = st.one_of(
    st.builds(Thing, st.just("chain"), names, depths),
    st.builds(Thing, st.just("file"), names, st.sampled_from([0, 10, 2_000_000, 1 << 40])),
    st.builds(
        Thing, st.just("link"), names, st.sampled_from(["outside", "self", "..", "/etc", "x"])
    ),
    st.builds(Thing, st.just("closed"), names, st.sampled_from([0, 0o111, 0o444, 0o555])),
    st.builds(Thing, st.just("pipe"), names),
)
trees = st.lists(things, max_size=6, unique_by=lambda thing: thing.name)

WORST = [
    Thing("chain", "d", 3000),
    Thing("chain", "n" * 200, 100),
    Thing("file", LATIN, 1 << 40),
    Thing("link", "out", "outside"),
    Thing("link", "loop", "self"),
    Thing("closed", "q ", 0),
    Thing("pipe", "-rf"),
]


@frozen
class Asking:
    """Asks a cluster, which may refuse, but not fail."""

    client: object

    def ask(self, method, path, **options):
        """Send a request; returns the answer."""
        answer = self.client.ask(method, path, **options)
        assert answer.status_code < 500, (method, path, answer.text)
        return answer

    def use_folder(self, name, paths):
        """Do to a folder what can be done to one, but for taking it away."""
        self.ask("GET", f"/folders/{name}")
        for path in (".", *paths):
            self.ask("GET", f"/folders/{name}/files", params={"path": path})
            self.fetch(name, path, archive=True)
            self.ask(
                "POST", f"/folders/{name}/mkdir", json={"path": f"{path}/made", "parents": True}
            )
            body = {"target_path": path, "new_name": "renamed"}
            self.ask("POST", f"/folders/{name}/rename-file", json=body)
            body = {"target_path": "renamed", "new_name": path}
            self.ask("POST", f"/folders/{name}/rename-file", json=body)
        self.client.gql("{ vfolder_list(limit: 9, offset: 0) { items { num_files cur_size } } }")
        self.clone(name)

    def fetch(self, name, path, **body):
        """Begin to fetch something, up to its first bytes: holes are long."""
        leave = self.ask("POST", f"/folders/{name}/request-download", json={"path": path, **body})
        if leave.status_code == 200:
            query = {"token": leave.json()["token"], "archive": "true"}
            with self.client.http.stream("GET", leave.json()["url"], params=query) as answer:
                assert answer.status_code < 500
                next(answer.iter_raw(), None)

    def clone(self, name):
        """Copy a folder, and delete the copy."""
        self.ask("POST", f"/folders/{name}/update-options", json={"cloneable": True})
        body = {"target_name": f"{name}-2", "target_host": "local:volume1"}
        answer = self.ask("POST", f"/folders/{name}/clone", json=body)
        if answer.status_code == 201:
            path = f"/events/background-task?task_id={answer.json()['bgtask_id']}"
            assert "bgtask_done" in self.ask("GET", path).text
            assert self.ask("DELETE", f"/folders/{name}-2").status_code == 204

    def use_session(self, name, paths):
        """Do to the files of a session what can be done."""
        for path in (".", *paths):
            self.ask("GET", f"/session/{name}/files", params={"path": path})
            self.ask("POST", f"/session/{name}/download", json={"files": [path]})
            self.ask("POST", f"/session/{name}/download_single", json={"file": path})
        self.ask("GET", f"/session/{name}")


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """A folder that nobody may touch."""
    place = tmp_path_factory.mktemp("outside")
    (place / "keep").write_text("mine")
    (place / "closed").mkdir(mode=0o500)
    return place


@pytest.fixture(scope="module", autouse=True)
def _gone_at_the_end(shared):
    """Remove what pytest itself, which goes by recursion, could not."""
    yield
    if shared.process is not None:
        shared.end()
    remove(shared.data)
    shared.start()


def look_at(place):
    """What is to be seen of a folder: kinds, modes, times, contents."""
    return {
        path.name: (found.st_mode, found.st_mtime_ns, found.st_size)
        for path in (place, *place.iterdir())
        if (found := path.lstat())
    }


def plant(tree, folder, outside):
    for thing in tree:
        with suppress(FileExistsError):
            thing.put(folder, outside)


@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)
@given(tree=trees)
@example(tree=WORST)
def test_every_operation_on_any_tree_is_answered(shared, http, outside, tree):
    before = look_at(outside)
    asking, name = Asking(shared.client(http)), f"t-{uuid4().hex[:10]}"
    asking.client.create(name)
    folder = asking.ask("POST", "/folders", json={"name": name}).json()["id"]
    (home,) = shared.data.glob("kernels/*/home")
    place = shared.data / "storage" / "folders" / folder
    for root in (home, place):
        plant(tree, root, outside)
    paths = [encode_path(thing.name) for thing in tree]
    asking.use_folder(name, paths)
    asking.use_session(name, paths)
    assert shared.end() == 0
    asking = Asking(shared.start().client(http))
    assert asking.ask("GET", f"/session/{name}").json()["status"] == "RUNNING"
    body = {"files": paths[: len(paths) // 2] or ["none"], "recursive": True}
    asking.ask("DELETE", f"/folders/{name}/delete-files", json=body)
    assert asking.ask("DELETE", f"/folders/{name}").status_code == 204
    assert asking.ask("DELETE", f"/session/{name}").status_code == 200
    assert asking.ask("GET", "/folders").json() == []
    assert shared.end() == 0
    assert not list((shared.data / "storage" / "graves").iterdir())
    assert not home.exists()
    shared.start()
    assert look_at(outside) == before
    assert stat.S_ISDIR(outside.stat().st_mode)
