"""Files into a session of the embedded cluster and back."""

import json

import pytest

pytestmark = pytest.mark.slow

MAKE = """
import os
os.makedirs("made/deep")
open("made/deep/run.sh", "w").write("#!/bin/sh\\n")
os.chmod("made/deep/run.sh", 0o755)
open("made/empty", "w").close()
os.symlink("made/empty", "link")
open("large", "wb").write(bytes(2_000_000))
"""


@pytest.fixture(scope="module")
def session(shared):
    """A running session with files in it."""
    assert shared.run("run", "-t", "sess", "-qc", MAKE, "python").returncode == 0
    return "sess"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The folder that the user is in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_there_and_back(shared, session, here):
    """Whole folders, with the bytes and modes of their files; more files than one request takes."""
    (here / "many" / "below").mkdir(parents=True)
    for number in range(45):
        (here / "many" / "below" / f"{number}.bin").write_bytes(bytes([number]) * 50_000)
    sent = shared.run("upload", session, "many")
    assert (sent.returncode, sent.stderr) == (0, "uploaded 45 files (2.146 MiB) to sess\n")

    got = shared.run("download", session, "many", "made", "link", "--dest", "back")
    assert got.returncode == 0, got.stderr
    for number in range(45):
        assert (here / "back" / "many" / "below" / f"{number}.bin").read_bytes() == (
            bytes([number]) * 50_000
        )
    assert (here / "back" / "made" / "deep" / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (here / "back" / "link").read_bytes() == b""


def test_what_can_not_be_had_does_not_keep_the_rest(shared, session, here):
    """Each failure is one line; the first one's exit code tells."""
    got = shared.run("download", session, "nothing", "large", "made/empty")

    assert got.returncode == 5
    missing, large, end = got.stderr.splitlines()
    assert missing == "atoll: nothing: no such file or folder"
    assert large.startswith("atoll: large is too large to download this way (1.907 MiB)")
    assert end == "downloaded 1 file (0 B) to ."
    assert [path.name for path in here.iterdir()] == ["empty"]


def test_files_are_listed(shared, session):
    """Of the home, of a folder, of a file alone."""
    home = shared.run("ls", session, "--output", "json")
    assert {file["filename"] for file in json.loads(home.stdout)} >= {"large", "link", "made"}
    assert [
        line.split()[-1] for line in shared.run("ls", session, "made").stdout.splitlines()[2:]
    ] == ["deep", "empty"]
    (alone,) = json.loads(shared.run("ls", session, "large", "--output", "json").stdout)
    assert (alone["size"], alone["mode"]) == (2_000_000, "-rw-r--r--")

    missing = shared.run("ls", session, "nothing")
    assert (missing.returncode, missing.stderr) == (5, "atoll: nothing: no such file or folder\n")


def test_what_can_not_be_uploaded_is_told_first(shared, session, here):
    """Before any file is sent."""
    (here / "ok").write_text("fine")
    refused = shared.run("upload", session, "ok", "nothing")

    assert (refused.returncode, refused.stderr) == (5, "atoll: nothing: no such file\n")
    assert '"ok"' not in shared.run("ls", session, "--output", "json").stdout
    assert shared.run("upload", "nobody", "ok").returncode == 5


def test_what_is_left_out_is_told(shared, session, here):
    """Links to folders could lead round in circles, and the API makes no folders."""
    (here / "tree" / "none").mkdir(parents=True)
    (here / "tree" / "file").write_text("kept")
    (here / "tree" / "link").symlink_to("none")
    sent = shared.run("upload", session, "tree")
    assert sent.returncode == 0
    assert sorted(sent.stderr.splitlines()) == [
        "atoll: left out: tree/link (a link to a folder, or no file)",
        "atoll: left out: tree/none (an empty folder)",
        "uploaded 1 file (4 B) to sess",
    ]


def test_no_name_is_not_the_name_of_all(shared, session, here):
    """It is what a script's variable that is not set becomes."""
    (here / "mine").write_text("mine")
    told = "atoll: the name of a file is empty\n"
    for command in ("upload", "download"):
        refused = shared.run(command, session, "")
        assert (refused.returncode, refused.stderr) == (2, told)
    assert [path.name for path in here.iterdir()] == ["mine"]


@pytest.mark.parametrize("name", ["per%20cent", "q\"uo'te", "new\nline", "a;b=c", "back\\slash"])
def test_odd_names_there_and_back(shared, session, here, name):
    (here / name).write_text(name)
    sent = shared.run("upload", session, name)
    got = shared.run("download", session, name, "--dest", "back")
    assert (sent.returncode, got.returncode) == (0, 0), (sent, got)
    assert (here / "back" / name).read_text() == name
