"""Folders and dotfiles on a cluster not written here (BACKEND_ENDPOINT and its keys),
and, line for line, on the embedded one.
"""

import json
import os

import pytest

pytestmark = pytest.mark.interop


@pytest.fixture
def rows(atoll):
    """Return the function that gives what a command writes, as records."""

    def read(*line):
        done = atoll("--output", "json", *line)
        assert done.code == 0, done
        return json.loads(done.out)

    return read


@pytest.fixture
def folder(atoll, name):
    """A folder of the test's own; nothing of it stays."""
    made = atoll("vfolder", "create", name)
    assert made.code == 0, made
    yield name
    atoll("vfolder", "delete", "-y", name)
    atoll("vfolder", "purge", "-y", name)


def test_a_tree_goes_up_and_comes_down(atoll, rows, folder):
    """Small files, a large one, an empty one, odd names; a second time nothing is moved."""
    tree = atoll.home / "tree"
    (tree / "ünï ☃").mkdir(parents=True)
    (tree / "ünï ☃" / "x y").write_text("hello")
    (tree / "empty").touch()
    (tree / "large").write_bytes(os.urandom(5 * 1024 * 1024))
    for number in range(20):
        (tree / f"{number}").write_bytes(os.urandom(number * 100))
    sent = atoll("vfolder", "upload", folder, "tree", "--chunk-size", "1m")
    assert sent.code == 0, sent
    listed = {one["name"]: one for one in rows("vfolder", "ls", folder, "tree")}
    assert (listed["large"]["size"], listed["large"]["type"]) == (5 * 1024 * 1024, "FILE")
    assert listed["ünï ☃"]["type"] == "DIRECTORY"

    got = atoll("vfolder", "download", folder, "-b", "back")
    assert got.code == 0, got
    here, there = (
        {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}
        for top in (tree, atoll.home / "back" / "tree")
    )
    assert here == there
    assert rows("vfolder", "download", folder, "-b", "back", "--sync")["files"] == 0
    assert rows("vfolder", "upload", folder, "tree", "--sync")["files"] == 0


def test_files_are_made_moved_and_deleted(atoll, rows, folder):
    """In as many requests, the same words for what is wrong."""
    (atoll.home / "file").write_text("text")
    assert atoll("vfolder", "upload", folder, "file").code == 0
    assert atoll("vfolder", "mkdir", folder, "a/b", "-p").code == 0
    assert atoll("vfolder", "mv", folder, "file", "a/moved").code == 0
    assert atoll("vfolder", "rename-file", folder, "a/moved", "again").code == 0
    assert [one["name"] for one in rows("vfolder", "ls", folder, "a")] == ["again", "b"]
    assert atoll("vfolder", "rm", "-y", folder, "a/again").code == 0
    missing = atoll("vfolder", "ls", folder, "nothing")
    assert (missing.code, missing.err) == (5, f"atoll: nothing: no such file in {folder}\n")
    assert atoll("vfolder", "download", folder, "nothing").code == 5


def test_a_folder_is_listed_changed_and_deleted(atoll, rows, folder):
    """By name and by id."""
    (listed,) = [one for one in rows("vfolder", "list") if one["name"] == folder]
    assert rows("vfolder", "info", listed["id"])["name"] == folder
    assert rows("vfolder", "list", "--filter", f'name == "{folder}"')[0]["id"] == listed["id"]
    assert atoll("vfolder", "update-options", folder, "--set-cloneable", "true").code == 0
    cloned = atoll("vfolder", "clone", folder, f"{folder}-c")
    assert cloned.code == 0, cloned
    assert atoll("vfolder", "rename", f"{folder}-c", f"{folder}-d").code == 0
    assert atoll("vfolder", "delete", "-y", f"{folder}-d").code == 0
    atoll("vfolder", "purge", "-y", f"{folder}-d")
    assert atoll("vfolder", "ls", f"{folder}-d").code == 5
    assert atoll("vfolder", "list-hosts").code == 0


@pytest.fixture
def other(rows):
    """The address of another user of the cluster."""
    users = rows("admin", "users", "--filter", 'status == "active" & role == "user"')
    return users[0]["email"]


def test_somebody_is_invited(atoll, rows, folder, other):
    """Who is known, and who is not."""
    nobody = atoll("vfolder", "invite", folder, "nobody@nowhere.invalid")
    assert (nobody.code != 0, len(nobody.err.splitlines())) == (True, 1)
    invited = atoll("vfolder", "invite", folder, other, "-p", "ro")
    assert invited.code == 0, invited
    assert rows("vfolder", "invitations") == []


def test_two_users_share_a_folder(embedded_keys, make_program, name):
    """What is not shared is not to be found; read-only is just that; names may clash."""
    owner = make_program("atoll", embedded_keys["admin"])
    guest = make_program("atoll", embedded_keys["user"], ATOLL_HOME=str(owner.home / "guest"))
    (owner.home / "file").parent.mkdir(exist_ok=True)
    (owner.home / "file").write_text("shared")
    assert owner("vfolder", "create", name).code == 0
    assert owner("vfolder", "upload", name, "file").code == 0
    assert guest("vfolder", "ls", name).code == 5

    assert owner("vfolder", "invite", name, "user@atoll.local", "-p", "ro").code == 0
    accepted = guest("vfolder", "invitations", "--accept", name)
    assert accepted.code == 0, accepted
    assert guest("vfolder", "download", name, "-b", "got").code == 0
    assert (owner.home / "got" / "file").read_text() == "shared"
    refused = guest("vfolder", "upload", name, "file")
    assert (refused.code in (1, 4, 5), len(refused.err.splitlines()) <= 2) == (True, True)

    assert guest("vfolder", "leave", name).code == 0
    assert guest("vfolder", "ls", name).code == 5
    assert owner("vfolder", "delete", "-y", name).code == 0


def test_dotfiles(atoll, rows, name):
    """Made, read, changed and deleted."""
    path = f".{name}"
    made = atoll("dotfile", "create", path, "--perm", "600", stdin="one\n")
    assert made.code == 0, made
    assert atoll("dotfile", "update", path, stdin="two\n").code == 0
    assert atoll("dotfile", "get", path).out == "two\n"
    (listed,) = [one for one in rows("dotfile", "list") if one["path"] == path]
    assert (listed["permission"], listed["size"]) == ("600", 4)
    assert atoll("dotfile", "delete", "-f", path).code == 0
    assert atoll("dotfile", "get", path).code == 5
