"""The cluster of another machine: used, restarted, and reached where SSH forwards nothing."""

import json

import pytest


@pytest.fixture(scope="module", params=["forwards", "forwards nothing"])
def both(request, make_box):
    """A laptop with a profile for a machine where atoll is installed."""
    options = (
        ["AllowTcpForwarding no", "MaxSessions 1"] if request.param == "forwards nothing" else []
    )
    laptop, box = make_box(*options)
    laptop.must("profile add box --host box")
    return laptop, box


def server(box):
    return json.loads((box.home / ".local/share/atoll/local/server.json").read_text())


def test_code_runs_there(both):
    laptop, box = both
    assert laptop.must("run --rm -c 'print(input() * 2)' python", "x\n") == "xx\n"
    assert server(box)["endpoint"].startswith("http://127.0.0.1:")
    keys = json.loads((box.home / ".local/share/atoll/local/credentials.json").read_text())
    kept = "".join(path.read_text() for path in (laptop.home / ".config/atoll").rglob("*.yaml"))
    assert "host://box" in kept
    assert keys["admin"]["access_key"] not in kept
    assert keys["admin"]["secret_key"] not in kept


def test_files_and_services_use_the_same_connection(both):
    laptop, _box = both
    (laptop.home / "note").write_text("hello")
    script = (
        f"start -t s python\nupload s {laptop.home}/note\nrun -t s --exec 'cat note; exit 3' python"
    )
    ran = laptop.run(script)
    assert (ran.returncode, ran.stdout) == (3, "hello"), ran.stderr
    assert laptop.must("ssh s cat note\nrm s").splitlines()[0] == "hello"


def test_a_cluster_that_was_killed_is_started_again(both):
    """And its sessions are found."""
    laptop, box = both
    laptop.must("start -t k python")
    laptop.ssh(f"kill -9 {server(box)['pid']}")
    assert "k" in laptop.must("ps --format name --output csv")
    laptop.must("rm k")


def test_doctor_checks_the_machine(both, request):
    laptop, _box = both
    found = {
        one["check"]: one for one in json.loads(laptop.must("doctor --profile box --output json"))
    }
    way = "absent" if "nothing" in request.node.callspec.id else "ok"
    assert found["forwarding"]["status"] == way
    for name in ("ssh", "ssh sessions", "atoll there", "disk limit"):
        assert found[name]["status"] == "ok", found[name]


def test_an_unreachable_machine_is_reported(make_box):
    laptop, box = make_box()
    laptop.must("profile add box --host box")
    box.sshd.stop()
    ran = laptop.run("doctor --output json")
    found = {one["check"]: one for one in json.loads(ran.stdout)}
    assert (ran.returncode, found["ssh"]["status"]) == (3, "failed")


def test_the_second_command_starts_no_atoll_there(both):
    """Nor does it once the file with the access tells of a cluster that runs no more."""
    laptop, box = both
    laptop.must("ps")
    [file] = (box.home / ".local/share/atoll/local/access").iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == ("any", 0o600)
    process, record = file.read_text().splitlines()
    wrong = {**json.loads(record), "access_key": "AKIA" + "X" * 16}
    file.write_text(f"{process}\n{json.dumps(wrong)}\n")
    assert laptop.run("ps").returncode == 4
    file.write_text(f"1{process}\n{json.dumps(wrong)}\n")
    laptop.must("ps")
    assert file.read_text().splitlines() == [process, record]


def test_a_machine_without_atoll_gives_a_hint(make_box):
    laptop, _box = make_box(path="/usr/bin:/bin")
    ran = laptop.run("profile add box --host box\nps")
    assert (ran.returncode, "atoll is not installed on box" in ran.stderr) == (5, True)
    ran = laptop.run("doctor --output json")
    found = {one["check"]: one for one in json.loads(ran.stdout)}
    assert (ran.returncode, found["ssh"]["status"]) == (5, "ok")
    assert found["atoll there"]["hint"] == "atoll host install box"
    ran = laptop.run("ps")
    assert ran.returncode == 5
    assert "atoll is not installed on box (atoll host install box)" in ran.stderr
    shown = json.loads(laptop.must("host status box --output json"))
    assert (shown["host"], shown["atoll"], shown["cluster"]) == ("box", None, None)


def test_a_shell_without_commands_is_reported(make_box):
    laptop, _box = make_box("ForceCommand echo no shell for you")
    laptop.must("profile add box --host box")
    for line in ("host status box", "host install box", "ps"):
        ran = laptop.run(line)
        assert ran.returncode == 1
        assert "cannot run commands on box: no shell for you" in ran.stderr.splitlines()[-1]


def test_output_of_shell_files_is_ignored(make_box):
    """Neither what asks for the way, nor the relay."""
    noisy = 'ForceCommand echo Welcome; sh -c "$SSH_ORIGINAL_COMMAND"'
    laptop, _box = make_box(noisy, "AllowTcpForwarding no")
    laptop.must("profile add box --host box")
    laptop.must("ps")


@pytest.mark.slow
def test_atoll_is_installed_upgraded_and_removed(make_box):
    """What the cluster there keeps stays; so do the files that it runs from."""
    laptop, box = make_box(path="/usr/bin:/bin")
    laptop.must("host install box\nprofile add box --host box")
    laptop.must("ps")
    first = box.installations.joinpath("current").readlink()
    [told] = laptop.run("host install box").stderr.splitlines()
    assert told.endswith("atoll is installed on box already (atoll host upgrade box)")
    laptop.must("host upgrade box\nps")
    assert box.installations.joinpath("current").readlink() != first
    assert len(list(box.installations.glob("*-*"))) == 2
    shown = json.loads(laptop.must("host status box --output json"))
    assert shown["cluster"] == "running"
    refused = laptop.run("host remove box")
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    laptop.must("host remove box --yes")
    assert not box.installations.exists()
    assert (box.home / ".local/share/atoll/local/cluster.sqlite3").exists()
    assert laptop.run("ps").returncode == 5


def test_a_machine_with_an_old_python_is_refused(make_box, tmp_path):
    """And nothing is left there."""
    for name in ("sh", "uname", "getconf", "readlink"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    laptop, box = make_box(path=str(tmp_path))
    ran = laptop.run("host install box")
    assert ran.returncode == 1
    assert "box has no Python 3.11 or newer, and no uv" in ran.stderr
    assert list(box.home.iterdir()) == []
