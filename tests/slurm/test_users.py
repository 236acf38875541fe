"""Two users of one site: what one of them has, the other neither reads nor reaches."""

import json
import re
import shlex

import pytest
from tests.slurm.queries import WITHOUT_KEY, job_of, jobs, until
from tests.slurm.site import INSTALLED, take_along

READABLE = """
import os, sys
for top in sys.argv[1:]:
    for folder, _folders, files in os.walk(top):
        for name in files:
            path = os.path.join(folder, name)
            try:
                mine = os.lstat(path).st_uid != {uid}
                if not mine and os.access(path, os.R_OK) and not os.path.islink(path):
                    print("readable", path)
            except OSError:
                pass
"""
SEEN = """
import os
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        if os.stat("/proc/" + pid).st_uid != {uid}:
            continue
        print("argv", open("/proc/" + pid + "/cmdline").read().replace("\\0", " "))
        print("LEAKED", open("/proc/" + pid + "/environ").read())
    except OSError as error:
        print("refused", error)
"""
SHARED = ["/tmp", "/dev/shm", "/var/tmp"]  # noqa: S108 - looked at, not written to
UNSIGNED = """
import datetime, urllib.error, urllib.request
now = datetime.datetime.now(datetime.timezone.utc).isoformat()
headers = {{"X-BackendAI-Version": "v6.20220615", "Date": now}}
asked = urllib.request.Request("http://127.0.0.1:{port}/session/_/match", headers=headers)
try:
    print("answered", urllib.request.urlopen(asked).read())
except urllib.error.HTTPError as error:
    print(error.code, error.read())
"""
LISTENING = """
import socket
for table in ("/proc/net/tcp", "/proc/net/tcp6"):
    for line in open(table).readlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and fields[7] == "{uid}":
            print("port", int(fields[1].rpartition(":")[2], 16))
"""


@pytest.fixture(scope="module")
def session(lab):
    """Alice's session."""
    lab.must("start -t alice python")
    yield "alice"
    lab.run("rm -f alice")


@pytest.fixture
def as_bob(lab, session, another):
    """Run a Python program as bob on the login node, or by srun on the node of alice's session."""
    node = lab.ssh(f"squeue -h -j {job_of(lab, session)} -o %N").strip()

    def run(program, *words, on_node=True):
        python = shlex.join(["python3", "-c", program, *words])
        srun = f"srun --quiet -p long -t 1 -w {node} --mem=50M -n1 " if on_node else ""
        return another.ssh(f"{srun}{python} 2>&1")

    return run


@pytest.fixture
def keys(lab):
    """All secrets of alice: of her cluster, and of her session."""
    kept = json.loads(lab.ssh("cat ~/.local/share/atoll/local/credentials.json"))
    pem = lab.ssh("cat ~/.local/share/atoll/local/kernels/*/run/*.pem")
    bodies = re.findall(r"KEY-----\n(.{20})", pem)
    assert bodies
    return [one["secret_key"] for one in kept.values()] + bodies


def uid(lab):
    return int(lab.ssh("id -u").splitlines()[-1])


@pytest.mark.parametrize("on_node", [True, False])
def test_nobody_else_is_let_in(lab, session, as_bob, on_node):
    told = lab.ssh("cat ~/.local/share/atoll/local/kernels/*/run/relay.json")
    address = json.loads(told.strip().splitlines()[-1])
    *_, connected, end = as_bob(WITHOUT_KEY.format(**address), on_node=on_node).splitlines()
    assert connected == "connected"
    assert end == "heard b''" or end.startswith("refused")
    assert lab.must(f"run -q -t {session} -c 'print(1)' python") == "1\n"


@pytest.mark.parametrize("on_node", [True, False])
def test_no_file_of_another_user_can_be_read(lab, session, as_bob, on_node):
    lab.must(f'run -q -t {session} -c \'open("secret", "w").write("x")\' python')
    home = lab.ssh("echo ~").splitlines()[-1]
    tops = [*(f"{home}/{name}" for name in (".local", ".config", ".cache")), *SHARED]
    out = as_bob(READABLE.format(uid=uid(lab)), *tops, on_node=on_node)
    assert "readable" not in out


@pytest.mark.parametrize("on_node", [True, False])
def test_no_key_is_seen_in_processes(lab, session, as_bob, keys, on_node):
    out = as_bob(SEEN.format(uid=uid(lab)), on_node=on_node)
    assert "argv" in out
    assert "LEAKED" not in out
    assert [key for key in keys if key in out] == []


def test_nothing_secret_is_in_the_job(lab, site, session, keys):
    """And of that, others see nothing where the site says `PrivateData=jobs`."""
    job = job_of(lab, session)
    told = site.at("ctl", f"scontrol show job {job}; scontrol write batch_script {job} -")
    assert "exec" in told
    assert [key for key in keys if key in told] == []


@pytest.mark.parametrize("on_node", [True, False])
def test_no_other_port_is_open(lab, session, as_bob, on_node):
    """But the session's own on its node, and on the login node that of the cluster, and the one at
    which sessions tell that they have begun.
    """
    lab.must(f"ssh {session} true")
    ports = re.findall(r"port (\d+)", as_bob(LISTENING.format(uid=uid(lab)), on_node=on_node))
    assert len(ports) == (1 if on_node else 2)


def test_the_cluster_takes_nobody_s_word(lab, session, another):
    server = json.loads(lab.ssh("cat ~/.local/share/atoll/local/server.json").splitlines()[-1])
    out = another.ssh(f"python3 -c {shlex.quote(UNSIGNED.format(**server))}")
    assert out.splitlines()[-1].startswith("401 ")


def test_another_user_s_job_can_t_be_ended(lab, session, another):
    another.ssh(f"scancel {job_of(lab, session)} 2>&1 || true")
    assert lab.must(f"run -q -t {session} -c 'print(1)' python") == "1\n"


@pytest.fixture
def bob(laptop, site, another):
    """Another user, who has atoll at the site, too; a line is printed whenever a shell starts."""
    take_along(site, site, "bob")
    yield another
    another.ssh(f"~/{INSTALLED}/current/bin/atoll local reset --yes; rm -r ~/{INSTALLED}")


def test_a_shell_that_prints_a_line_disturbs_nothing(bob):
    assert len(bob.ssh("true").splitlines()) == 1
    bob.must("profile add lab --host site --engine slurm\nprofile use lab")
    (bob.home / "note").write_text("hello")
    out = bob.must(
        f"start -q -t b python\nupload b {bob.home}/note\n"
        "run -q -t b --exec 'cat note; hostname' python\nssh b cat note"
    )
    assert re.search(r"^hellon\d\nhello", out, re.MULTILINE)
    assert "b" in jobs(bob)
    bob.must("rm b")
    until(lambda: jobs(bob), lambda found: "b" not in found)
