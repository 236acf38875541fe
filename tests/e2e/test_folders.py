"""Folders of the embedded cluster, as their users type them."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """The folder that the user is in."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def folder(shared, request) -> str:
    """A folder of the test's own, deleted afterwards."""
    name = f"f-{request.node.name[5:45]}".replace("_", "-")
    made = shared.run("vfolder", "create", name)
    assert made.returncode == 0, made.stderr
    yield name
    shared.run("vfolder", "delete", "-y", name)


def rows(shared, *line: str) -> list[dict]:
    """What a command writes, as records."""
    done = shared.run("--output", "json", *line)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_folder_is_made_changed_and_deleted(shared):
    """Each step shows in the list, and what is gone is not found."""
    assert shared.run("vfolder", "create", "first-one").returncode == 0
    twice = shared.run("vfolder", "create", "first-one")
    assert (twice.returncode, twice.stdout, len(twice.stderr.splitlines())) == (1, "", 1)

    assert shared.run("vfolder", "rename", "first-one", "second-one").returncode == 0
    listed = {one["name"]: one for one in rows(shared, "vfolder", "list")}
    assert "first-one" not in listed
    by_id = rows(shared, "vfolder", "info", listed["second-one"]["id"])
    assert (by_id["name"], by_id["status"], by_id["is_owner"]) == ("second-one", "ready", True)
    assert shared.run("vfolder", "update-options", "second-one", "-p", "ro").returncode == 0

    refused = shared.run("vfolder", "delete", "second-one")
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert shared.run("vfolder", "delete", "-y", "second-one").returncode == 0
    gone = shared.run("vfolder", "info", "second-one")
    assert (gone.returncode, gone.stderr) == (
        5,
        "atoll: no folder has the name or id 'second-one' (atoll vfolder list lists them)\n",
    )


def test_where_folders_may_lie(shared):
    """A default host, and both kinds of owners."""
    hosts = rows(shared, "vfolder", "list-hosts")
    assert [host["name"] for host in hosts if host["default"]]
    assert {"type": "user"} in rows(shared, "vfolder", "list-allowed-types")


def test_there_and_back(shared, folder, here):
    """Names, bytes, modes of empty files and folders; then nothing more is to be moved."""
    (here / "a" / "ünï ☃").mkdir(parents=True)
    (here / "a" / "ünï ☃" / "x y.txt").write_text("hello")
    (here / "a" / "empty").touch()
    (here / "a" / "none").mkdir()
    sent = shared.run("vfolder", "upload", folder, "a")
    assert (sent.returncode, sent.stderr) == (0, f"uploaded 2 files (5 B) to {folder}\n")

    got = shared.run("vfolder", "download", folder, "-b", "back")
    assert (got.returncode, got.stderr) == (0, "downloaded 2 files (5 B) to back\n")
    assert (here / "back/a/ünï ☃/x y.txt").read_text() == "hello"
    assert (here / "back/a/empty").read_bytes() == b""
    assert (here / "back/a/none").is_dir()

    for line in (("upload", folder, "a"), ("download", folder, "-b", "back")):
        again = rows(shared, "vfolder", *line, "--sync")
        assert (again["files"], again["unchanged"]) == (0, 2)
    (here / "back/a/ünï ☃/x y.txt").write_text("other")
    os.utime(here / "back/a/ünï ☃/x y.txt", (1, 1))
    again = rows(shared, "vfolder", "download", folder, "-b", "back", "--sync")
    assert (again["files"], again["unchanged"]) == (1, 1)
    assert (here / "back/a/ünï ☃/x y.txt").read_text() == "hello"


def test_packed_files_keep_their_times_and_modes(shared, folder, here):
    """Many small ones go to the embedded cluster together."""
    (here / "in").mkdir()
    for number in range(20):
        (here / "in" / f"{number}").write_text(f"{number}")
        os.utime(here / "in" / f"{number}", ns=(10**18 + number, 10**18 + 123_456_789 + number))
    (here / "in" / "7").chmod(0o755)
    assert rows(shared, "vfolder", "upload", folder, "in")["files"] == 20
    assert rows(shared, "vfolder", "upload", folder, "in", "--sync")["unchanged"] == 20
    assert shared.run("vfolder", "download", folder, "-b", "out").returncode == 0
    assert (here / "out/in/7").read_text() == "7"
    assert (here / "out/in/7").stat().st_mode & 0o777 == 0o755
    assert abs((here / "out/in/7").stat().st_mtime - 10**9 - 0.123) < 0.01


def test_patterns_choose_on_both_sides(shared, folder, here):
    """`*` within a level, `**` over all; what fits nothing is told before anything is moved."""
    for name in ("one.txt", "two.txt", "three.bin"):
        (here / "in" / "deep").mkdir(parents=True, exist_ok=True)
        (here / "in" / "deep" / name).write_text(name)
    sent = shared.run("vfolder", "upload", folder, "in/deep/*.txt", "-d", "below")
    assert sent.returncode == 0, sent.stderr
    listed = rows(shared, "vfolder", "ls", folder, "below/in/deep")
    assert [one["name"] for one in listed] == ["one.txt", "two.txt"]

    got = shared.run("vfolder", "download", folder, "**/t*.txt", "-b", "got")
    assert got.returncode == 0, got.stderr
    assert [path.name for path in (here / "got").rglob("*.txt")] == ["two.txt"]
    none = shared.run("vfolder", "download", folder, "**/*.bin", "-b", "none")
    assert (none.returncode, len(none.stderr.splitlines())) == (5, 1)
    assert not (here / "none").exists()
    assert shared.run("vfolder", "upload", folder, "nothing*").returncode == 5


def test_files_are_moved_and_deleted(shared, folder, here):
    """Within the folder, by the commands that are called so."""
    (here / "file").write_text("text")
    assert shared.run("vfolder", "upload", folder, "file").returncode == 0
    refused = shared.run("vfolder", "mkdir", folder, "sub/below")
    assert refused.returncode == 5
    assert refused.stderr == f"atoll: sub: no such folder in {folder} (-p makes it, too)\n"
    assert shared.run("vfolder", "mkdir", folder, "sub/below", "-p").returncode == 0
    assert shared.run("vfolder", "mv", folder, "file", "sub/moved").returncode == 0
    assert shared.run("vfolder", "rename-file", folder, "sub/moved", "renamed").returncode == 0
    listed = rows(shared, "vfolder", "ls", folder, "sub")
    assert [(one["name"], one["type"]) for one in listed] == [
        ("below", "DIRECTORY"),
        ("renamed", "FILE"),
    ]

    link = rows(shared, "vfolder", "request-download", folder, "sub/renamed")
    assert link["url"].startswith("http://127.0.0.1:")
    assert shared.run("vfolder", "rm", folder, "sub/renamed").returncode == 2
    assert shared.run("vfolder", "rm", "-y", folder, "sub/renamed").returncode == 0
    needs_r = shared.run("vfolder", "rm", "-y", folder, "sub")
    assert (needs_r.returncode, "(-r deletes folders, too)" in needs_r.stderr) == (1, True)
    assert shared.run("vfolder", "rm", "-ry", folder, "sub").returncode == 0
    assert rows(shared, "vfolder", "ls", folder) == []


@pytest.mark.parametrize("path", ["../up", "a/../../up", "n" * 300])
def test_paths_that_lead_out_are_not_even_sent(shared, path, here):
    """The folder need not exist: nothing is asked of the cluster."""
    refused = shared.run("vfolder", "mkdir", "no-such-folder", path)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)


def test_copies_go_the_way_of_the_colon(shared, folder, here):
    """Up when the target has it, down when the sources do."""
    (here / "file").write_text("text")
    assert shared.run("vfolder", "cp", "file", f"{folder}:sub").returncode == 0
    assert shared.run("vfolder", "cp", f"{folder}:sub/file", "back").returncode == 0
    assert (here / "back/sub/file").read_text() == "text"
    assert shared.run("vfolder", "cp", "file", "other").returncode == 2


def test_a_clone_holds_the_same(shared, here):
    """Once others may copy it."""
    (here / "file").write_text("text")
    shared.run("vfolder", "create", "original", "--cloneable")
    shared.run("vfolder", "upload", "original", "file")
    cloned = shared.run("vfolder", "clone", "original", "its-clone")
    assert cloned.returncode == 0, cloned.stderr
    assert [one["name"] for one in rows(shared, "vfolder", "ls", "its-clone")] == ["file"]


def test_an_upload_that_was_interrupted_goes_on(shared, folder, here):
    """Ctrl-C leaves nothing under the file's name; the same line sends what is missing."""
    large = here / "large"
    with large.open("wb") as file:
        for _ in range(96):
            file.write(os.urandom(1024 * 1024))
    upload = ("vfolder", "upload", folder, "large", "--chunk-size", "1m")
    running = shared.start(*upload)
    memory = shared.home / "state" / "transfers"
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in memory.glob("*.json")):
        assert running.poll() is None
        assert time.monotonic() < deadline
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, (out, err)
    assert rows(shared, "vfolder", "ls", folder) == []
    assert list(memory.glob("*.json"))

    again = shared.run(*upload)
    assert again.returncode == 0, again.stderr
    assert not list(memory.glob("*.json"))
    assert shared.run("vfolder", "download", folder, "large", "-b", "back").returncode == 0
    assert (here / "back/large").read_bytes() == large.read_bytes()


def test_a_quota_ends_it_in_one_line(shared, here):
    """Nothing shows under the name of what did not fit."""
    assert shared.run("vfolder", "create", "small-one", "-q", "1m").returncode == 0
    (here / "large").write_bytes(bytes(2 * 1024 * 1024))
    refused = shared.run("vfolder", "upload", "small-one", "large")
    told = [line for line in refused.stderr.splitlines() if line.startswith("atoll: ")]
    assert (refused.returncode, len(told)) == (1, 1)
    assert "quota" in told[0]
    assert rows(shared, "vfolder", "ls", "small-one") == []


@pytest.mark.needs("ssh", "sshd")
def test_ones_own_key_opens_sessions(shared, here):
    """As the document has it: a folder called .ssh with authorized_keys in it."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "id_container"], check=True
    )
    (here / "authorized_keys").write_text((here / "id_container.pub").read_text())
    assert shared.run("vfolder", "create", ".ssh").returncode == 0
    assert shared.run("vfolder", "upload", ".ssh", "authorized_keys").returncode == 0
    assert shared.run("start", "-t", "with-key", "python").returncode == 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    tunnel = shared.start("app", "with-key", "sshd", "-b", str(port))
    try:
        options = ("IdentitiesOnly=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null")
        settings = [part for option in options for part in ("-o", option)]
        # Its first line comes once the port is open.
        assert tunnel.stdout.readline()
        ran = subprocess.run(
            ["ssh", "-p", str(port), "-i", "id_container", "-o", "BatchMode=yes", *settings,
             "work@127.0.0.1", "echo", "in"],
            capture_output=True,
            text=True,
            timeout=60,
        )  # fmt: skip
        assert ran.stdout == "in\n", ran.stderr
    finally:
        tunnel.send_signal(signal.SIGINT)
        tunnel.communicate(timeout=60)
        shared.run("rm", "with-key")
        shared.run("vfolder", "delete", "-y", ".ssh")


def test_dotfiles_come_with_their_modes(shared):
    """Made, listed, shown, changed and deleted."""
    made = shared.run("dotfile", "create", ".netrc-like", "--perm", "600", stdin="secret\n")
    assert made.returncode == 0, made.stderr
    (listed,) = rows(shared, "dotfile", "list")
    assert (listed["path"], listed["permission"], listed["size"]) == (".netrc-like", "600", 7)
    assert shared.run("dotfile", "update", ".netrc-like", stdin="other\n").returncode == 0
    assert shared.run("dotfile", "get", ".netrc-like").stdout == "other\n"
    assert rows(shared, "dotfile", "list")[0]["permission"] == "600"
    assert shared.run("dotfile", "delete", "-f", ".netrc-like").returncode == 0
    gone = shared.run("dotfile", "get", ".netrc-like")
    assert (gone.returncode, len(gone.stderr.splitlines())) == (5, 1)
    assert shared.run("dotfile", "create", "x", "--perm", "rwx", stdin="").returncode == 2


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (["dotfile", "get", ""], 2),
        (["dotfile", "create", ""], 2),
        (["dotfile", "create", ".mine", "-g", ""], 1),
        (["dotfile", "create", ".mine", "-d", ""], 1),
        (["vfolder", "create", "mine", "-g", ""], 5),
    ],
)
def test_an_empty_owner_is_refused(shared, line, code):
    """A variable that is not set must not make one's own what was meant for a group."""
    refused = shared.run(*line)
    assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (code, "", 1)
    assert refused.stderr.startswith("atoll: ")
    assert rows(shared, "dotfile", "list") == []
    assert "mine" not in {one["name"] for one in rows(shared, "vfolder", "list")}


def test_a_dotfile_is_what_was_piped_byte_for_byte(shared):
    """Line ends stay as they are, and what is no text is refused rather than changed."""
    for content in ("no end of line", "one\r\ntwo\r\n"):
        assert shared.run("dotfile", "create", ".piped", stdin=content).returncode == 0
        shown = rows(shared, "dotfile", "get", ".piped")
        assert shown["data"] == content
        assert shared.run("dotfile", "delete", "-f", ".piped").returncode == 0
    words = [shared.program(), "dotfile", "create", ".piped"]
    refused = subprocess.run(words, input=b"\xff", capture_output=True, env=shared.environ())
    assert (refused.returncode, refused.stderr) == (2, b"atoll: - is not text in UTF-8\n")
