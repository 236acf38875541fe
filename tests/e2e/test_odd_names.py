"""Names of any bytes, links, and permissions to run: what comes back is what was sent."""

import json
import os
import subprocess

import pytest
from tests.contrib.trees import LATIN, ODD_NAMES, nest

from atoll_cluster.storage.removal import remove

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def session(shared):
    """A running session."""
    assert shared.run("start", "-t", "sess", "python").returncode == 0
    return "sess"


@pytest.fixture(scope="module")
def folder(shared):
    """A folder."""
    assert shared.run("vfolder", "create", "odd").returncode == 0
    return "odd"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder that the user is in."""
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    yield place
    remove(place)


def contents(place):
    """What is in a folder, by the bytes of the names."""
    return {os.fsencode(path.name): path.read_bytes() for path in place.iterdir()}


def fill(place):
    place.mkdir()
    for number, name in enumerate(ODD_NAMES):
        (place / name).write_bytes(b"x" * number)
    return contents(place)


def names_listed(done, key):
    assert done.returncode == 0, done.stderr
    return {os.fsencode(item[key]) for item in json.loads(done.stdout)}


def test_names_of_a_session_are_kept_to_the_byte(shared, session, here):
    sent = fill(here / "odd")
    done = shared.run("upload", session, "odd")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(f"uploaded {len(ODD_NAMES)} files")
    listed = shared.run("--output", "json", "ls", session, "odd")
    assert names_listed(listed, "filename") == set(sent)
    got = shared.run("download", session, "odd", "--dest", "back")
    assert (got.returncode, contents(here / "back" / "odd")) == (0, sent), got.stderr


def test_odd_names_of_a_session_can_be_given_one_by_one(shared, session, here):
    names = sorted(fill(here / "in"))
    for name in names:
        (here / "in" / os.fsdecode(name)).rename(os.fsdecode(name))
    given = map(os.fsdecode, names)
    assert shared.run("upload", session, "--", *given).returncode == 0
    given = map(os.fsdecode, names)
    got = shared.run("download", session, "--dest", "back", "--", *given, timeout=90)
    assert (got.returncode, sorted(contents(here / "back"))) == (0, names), got.stderr


def test_names_of_a_folder_are_kept_to_the_byte(shared, folder, here):
    sent = fill(here / "odd")
    assert shared.run("vfolder", "upload", folder, "odd").returncode == 0
    listed = shared.run("--output", "json", "vfolder", "ls", folder, "odd")
    assert names_listed(listed, "name") == set(sent)
    got = shared.run("vfolder", "download", folder, "odd", "-b", "back")
    assert (got.returncode, contents(here / "back" / "odd")) == (0, sent), got.stderr


def test_odd_names_of_a_folder_are_made_moved_and_removed(shared, folder, here):
    def there(path):
        return names_listed(shared.run("--output", "json", "vfolder", "ls", folder, path), "name")

    names = [*ODD_NAMES, f"{LATIN}/{LATIN}"]
    paths = [f"one/{name}" for name in names]
    made = shared.run("vfolder", "mkdir", folder, "-pe", "--", *paths)
    assert made.returncode == 0, made.stderr
    assert there("one") == set(map(os.fsencode, ODD_NAMES))
    for name in (LATIN, "q\n", "-rf"):
        moved = shared.run("vfolder", "mv", folder, "--", f"one/{name}", f"one/{name} too")
        assert moved.returncode == 0, moved.stderr
        assert os.fsencode(f"{name} too") in there("one")
        back = shared.run("vfolder", "rename-file", folder, "--", f"one/{name} too", name)
        assert back.returncode == 0, back.stderr
    assert there(f"one/{LATIN}") == {os.fsencode(LATIN)}
    gone = shared.run("vfolder", "rm", "-ry", folder, "--", *(f"one/{name}" for name in ODD_NAMES))
    assert (gone.returncode, there("one")) == (0, set()), gone.stderr


def test_what_cannot_be_sent_keeps_nothing_else(shared, session, here):
    (here / "many").mkdir()
    for number in range(23):
        (here / "many" / f"{number}").write_text("fine")
    (here / "many" / "large").write_bytes(bytes(2**20))
    done = shared.run("upload", session, "many")
    assert done.returncode == 1
    assert [line.partition(" (")[0] for line in done.stderr.splitlines()] == [
        "atoll: many/large is too large to upload this way",
        "uploaded 23 files",
    ]


def test_what_is_refused_there_keeps_nothing_else(shared, session, here):
    code = "import os; os.makedirs('taken/x')"
    assert shared.run("run", "-t", session, "-qc", code, "python").returncode == 0
    (here / "taken").mkdir()
    for name in ("v", "w", "x", "y"):
        (here / "taken" / name).write_text(name)
    done = shared.run("upload", session, "taken")
    refused, end = done.stderr.splitlines()
    assert (done.returncode, end) == (1, "uploaded 3 files (3 B) to sess")
    assert refused.startswith("atoll: taken/x: ")
    got = shared.run("download", session, "taken", "--dest", "back")
    assert got.returncode == 0
    assert sorted(path.name for path in (here / "back").rglob("*") if path.is_file()) == [*"vwy"]


LINKS = """
import os
os.makedirs("links/below")
for name, target in {
    "latest": "ckpt.pt", "below/up": "../ckpt.pt", "twice": "below/up", "nothing": "not there",
    "out": "/etc/passwd", "above": "../..", "below/far": "../../../x", "sly": "below/../../..",
}.items():
    os.symlink(target, f"links/{name}")
open("links/ckpt.pt", "w").write("weights")
open("links/big", "wb").write(bytes(2_000_000 * %d))
"""
STAY = {"latest": "ckpt.pt", "below/up": "../ckpt.pt", "twice": "below/up", "nothing": "not there"}


def links_in(place):
    return {
        str(path.relative_to(place)): str(path.readlink())
        for path in place.rglob("*")
        if path.is_symlink()
    }


@pytest.mark.parametrize("piecewise", [0, 1])
def test_links_of_a_session_stay_links_if_they_stay_inside(shared, session, here, piecewise):
    code = "import shutil; shutil.rmtree('links', ignore_errors=True)" + LINKS % piecewise
    assert shared.run("run", "-t", session, "-qc", code, "python").returncode == 0
    got = shared.run("download", session, "links")
    assert links_in(here / "links") == STAY
    assert (here / "links" / "twice").read_text() == "weights"
    told = [line for line in got.stderr.splitlines() if "left out" in line]
    assert {line.split()[3].removeprefix("links/") for line in told} == {
        "out", "above", "below/far", "sly",
    }  # fmt: skip


def test_links_of_a_folder_stay_links_if_they_stay_inside(shared, here):
    assert shared.run("vfolder", "create", "linked").returncode == 0
    run = ("run", "--rm", "-v", "linked", "-qc", f"import os; os.chdir('linked'){LINKS % 0}")
    assert shared.run(*run, "python").returncode == 0
    got = shared.run("vfolder", "download", "linked", "links")
    assert got.returncode == 0, got.stderr
    assert links_in(here / "links") == STAY | {"above": "../.."} or links_in(here / "links") == STAY
    assert "links/out (a link to /etc/passwd" in got.stderr
    assert not (here / "links" / "out").is_symlink()
    assert (here / "links" / "latest").read_text() == "weights"


def test_permissions_to_run_are_kept(shared, session, folder, here):
    (here / "in").mkdir()
    for name, mode in (("run.sh", 0o755), ("mine", 0o700), ("plain", 0o644)):
        (here / "in" / name).write_text("#!/bin/sh\necho I run\n")
        (here / "in" / name).chmod(mode)
    assert shared.run("upload", session, "in").returncode == 0
    ran = shared.run("run", "-t", session, "-q", "--exec", "in/run.sh", "python")
    assert (ran.returncode, ran.stdout) == (0, "I run\n")
    assert shared.run("download", session, "in", "--dest", "one").returncode == 0
    assert shared.run("vfolder", "upload", folder, "in").returncode == 0
    assert shared.run("vfolder", "download", folder, "in", "-b", "two").returncode == 0
    for place in ("one", "two"):
        runs = {path.name for path in (here / place / "in").iterdir() if os.access(path, os.X_OK)}
        assert runs == {"run.sh", "mine"} or os.geteuid() == 0
        modes = {path.name: path.stat().st_mode & 0o100 for path in (here / place / "in").iterdir()}
        assert modes == {"run.sh": 0o100, "mine": 0o100, "plain": 0}


def test_deep_folders_there_and_back(shared, folder, here):
    (here / "deep").mkdir()
    nest(here / "deep", 300, "d", b"bottom")
    sent = shared.run("vfolder", "upload", folder, "deep")
    assert sent.returncode == 0, sent.stderr
    got = shared.run("vfolder", "download", folder, "deep", "-b", "back", timeout=120)
    assert got.returncode == 0, got.stderr
    found = subprocess.run(["find", "back", "-type", "f"], capture_output=True, text=True)
    assert found.stdout == "back/deep/" + "d/" * 300 + "bottom\n"


def test_deep_folders_of_a_session_come_level_by_level(shared, session, here):
    code = "import os\nfor _ in range(900): os.mkdir('d'); os.chdir('d')\nopen('bottom', 'w')"
    assert shared.run("run", "-t", session, "-qc", code, "python").returncode == 0
    got = shared.run("download", session, "d", timeout=120)
    assert (got.returncode, got.stderr) == (0, "downloaded 1 file (0 B) to .\n")
    found = subprocess.run(["find", "d", "-type", "f"], capture_output=True, text=True)
    assert found.stdout == "d/" * 900 + "bottom\n"


def test_a_path_that_is_too_long_is_one_line(shared, folder, here):
    (here / "long").mkdir()
    nest(here / "long", 30, "n" * 200, b"bottom")
    (here / "long" / "other").write_text("fine")
    sent = shared.run("vfolder", "upload", folder, "long")
    assert (sent.returncode, len(sent.stderr.splitlines())) == (1, 2)
    assert "the path is too long" in sent.stderr
    assert "uploaded 1 file" in sent.stderr
