"""Folders, as the official clients of three generations use them on the embedded cluster."""

import os

import pytest

pytestmark = pytest.mark.interop

HOST = "local:volume1"


@pytest.fixture
def run(official):
    """Run the client, which must succeed; returns all that it printed."""

    def run(*arguments, stdin=""):
        done = official(*arguments, stdin=stdin)
        assert done.code == 0, done
        return done.out + done.err

    return run


@pytest.fixture
def folder(official, run, name):
    """A folder made by the client; deleted in the end, whatever has become of it."""
    run("vfolder", "create", name, HOST)
    yield name
    official("vfolder", "delete", name, stdin="y\n")


def complaint(done):
    """Return what a client says of an error; its exit code tells nothing of some."""
    return done.err if "BackendAPIError" in done.err else ""


def test_hosts_and_types(run):
    assert HOST in run("vfolder", "list-hosts")
    assert "user" in run("vfolder", "list-allowed-types")


def test_a_folder_is_listed_and_described(run, folder):
    assert folder in run("vfolder", "list")
    described = run("vfolder", "info", folder)
    assert folder in described
    assert "Owner: True" in described


def test_files_go_up_and_come_back(official, run, folder):
    content = os.urandom(300_000)
    (official.home / "data.bin").write_bytes(content)
    run("vfolder", "upload", folder, "data.bin")
    assert "data.bin" in run("vfolder", "ls", folder)
    back = official.home / "back"
    back.mkdir()
    run("vfolder", "download", "-b", str(back), folder, "data.bin")
    assert (back / "data.bin").read_bytes() == content


def test_folders_in_folders(run, folder):
    run("vfolder", "mkdir", folder, "deep")
    assert "deep" in run("vfolder", "ls", folder)
    run("vfolder", "rename-file", folder, "deep", "deeper")
    assert "deeper" in run("vfolder", "ls", folder)
    run("vfolder", "rm", "-r", folder, "deeper", stdin="y\n")
    assert "deeper" not in run("vfolder", "ls", folder)


def test_a_folder_is_renamed_and_deleted(official, run, folder):
    other = f"{folder}-other"
    run("vfolder", "rename", folder, other)
    assert other in run("vfolder", "list")
    run("vfolder", "delete", other, stdin="y\n")
    assert complaint(official("vfolder", "ls", other))


def test_a_folder_is_shared_by_invitation(command, embedded_keys, make_program, run, folder):
    run("vfolder", "invite", "-p", "ro", folder, "user@atoll.local")
    user = make_program(command, embedded_keys["user"])
    received = user("vfolder", "invitations", stdin="1\na\n")
    assert folder in received.out, received
    assert not complaint(user("vfolder", "ls", folder))
    assert "cannot be written to" in complaint(user("vfolder", "mkdir", folder, "mine"))
    left = user("vfolder", "leave", folder)
    assert left.code == 0, left
    assert "No such virtual folder" in complaint(user("vfolder", "ls", folder))


def test_a_folder_of_a_group_is_shared(command, embedded_keys, make_program, official, run, name):
    run("vfolder", "create", "-g", "default", "-p", "ro", name, HOST)
    user = make_program(command, embedded_keys["user"])
    assert "cannot be written to" in complaint(user("vfolder", "mkdir", name, "mine"))
    run("vfolder", "share", "-p", "rw", name, "user@atoll.local")
    assert not complaint(user("vfolder", "mkdir", name, "mine"))
    run("vfolder", "unshare", name, "user@atoll.local")
    assert "cannot be written to" in complaint(user("vfolder", "mkdir", name, "again"))
    official("vfolder", "delete", name, stdin="y\n")


def test_a_folder_is_mounted(client, official, run, folder, name, image):
    (official.home / "in.txt").write_text("mounted")
    run("vfolder", "upload", folder, "in.txt")
    said = run("run", "--rm", "-t", f"{name}-s", "-v", folder, "-c", READ % folder, image)
    assert "mounted" in said


READ = "print(open('%s/in.txt').read())"


def test_a_clone(official, run, folder):
    (official.home / "file.txt").write_text("cloned")
    run("vfolder", "upload", folder, "file.txt")
    run("vfolder", "update-options", "--set-cloneable", "true", folder)
    copy = f"{folder}-copy"
    # The client's exit code tells nothing: its spinner fails when a clone is made too quickly.
    official("vfolder", "clone", folder, copy, HOST)
    listings = (official("vfolder", "ls", copy) for _ in range(20))
    assert any("file.txt" in listed.out for listed in listings)
    official("vfolder", "delete", copy, stdin="y\n")
