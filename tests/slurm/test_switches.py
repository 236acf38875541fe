"""Sites that forbid more than others: the whole trip passes, or is refused in a line."""

import json
import subprocess

import pexpect
import pytest
from tests.laptop import BIN
from tests.slurm.conftest import laptop_at
from tests.slurm.queries import jobs, rows, until
from tests.slurm.site import INSTALLED, another_site, take_along

CODE = "123456"
ROOM = 40
"""MiB of the strict site's homes beside what is installed there."""
NO_CODE = {"AuthenticationMethods": "publickey"}


@pytest.fixture(scope="module")
def strict(laptop, site, tmp_path_factory):
    """A site that forbids whatever sites forbid, and asks for a code at each login."""
    taken = subprocess.run(
        ["du", "-sm", site.home() / INSTALLED], capture_output=True, text=True, check=True
    )
    with another_site(
        tmp_path_factory.mktemp("strict"),
        room=int(taken.stdout.split()[0]) + ROOM,
        SSH_FORWARDING="no",
        SSH_MFA="1",
        SSH_MAX_SESSIONS="1",
        KILL_ON_LOGOUT="1",
        FS_CLOSE_TO_OPEN="1",
        FIREWALL="REJECT",
        TMP_NOEXEC="1",
        CGROUPS="none",
        SCHED="site",
    ) as other:
        take_along(site, other)
        yield other


@pytest.fixture(scope="module")
def far(strict, tmp_path_factory):
    """The laptop of somebody who has a profile for it."""
    made = laptop_at(tmp_path_factory.mktemp("far"), strict.config())
    made.must("profile add lab --host site --engine slurm\nprofile use lab")
    made.must("config set ssh.persist 0")
    return made


def terminal(laptop, *words):
    """A terminal of the laptop."""
    return pexpect.spawn(
        str(words[0]),
        [str(word) for word in words[1:]],
        env={**laptop.environ(), "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"},
        encoding="utf-8",
        timeout=90,
        dimensions=(50, 160),
    )


def test_one_code_lets_a_whole_prompt_through(far):
    prompt = terminal(far, BIN / "atoll")
    prompt.expect("atoll>")
    for line, answer in {
        "start -t p python": "session p is ready",
        "run -q -t p -c 'print(6 * 7)' python": "42",
        "ssh p hostname": r"n\d",
        "rm p": "session p is terminated",
    }.items():
        prompt.send(f"{line}\r")
        if line.startswith("start"):
            prompt.expect("Password:")
            prompt.send(f"{CODE}\r")
        assert prompt.expect([answer, "Password:"]) == 0
    prompt.send("exit\r")
    prompt.expect(pexpect.EOF)


def test_a_wrong_code_is_told_and_not_asked_for_again(far):
    ps = terminal(far, BIN / "atoll", "ps")
    ps.expect("Password:")
    ps.sendline("1")
    assert ps.expect(["site does not accept that answer", "Password:"]) == 0
    ps.expect(pexpect.EOF)
    ps.close()
    assert ps.exitstatus == 4


def test_a_script_without_a_terminal_is_told_in_a_line(far):
    ended = far.run("ps")
    [line] = ended.stderr.splitlines()
    assert ended.returncode == 4
    assert "site asks at its login: Password; there is no terminal to ask at" in line


def test_commands_share_the_connection_that_ssh_holds_open(far):
    config = far.home / ".ssh/config"
    before = config.read_text()
    config.write_text(f"{before}  ControlPath {far.home}/.ssh/%C\n")
    master = terminal(far, "ssh", "-F", config, "-M", "-N", "site")
    try:
        master.expect("Password:")
        master.sendline(CODE)
        until(lambda: far.run("ps").returncode, lambda code: code == 0)
        far.must("start -t m python")
        assert far.must("run -q -t m -c 'print(6 * 7)' python") == "42\n"
        assert far.must("ssh m hostname").startswith("n")
        far.must("rm m")
    finally:
        master.close(force=True)
        config.write_text(before)


def test_logging_out_ends_the_cluster_and_no_session(far, strict):
    with strict.sshd(**NO_CODE):
        far.must("start -t k python")
        until(
            lambda: strict.at("login", "pgrep -u alice -f atoll_cluster || true"),
            lambda found: found == "",
        )
        assert far.must("run -q -t k -c 'print(6 * 7)' python") == "42\n"
        far.must("rm k")
        until(lambda: jobs(far), lambda found: "k" not in found)


def test_a_full_home_is_told_and_ends_nothing(far, strict):
    with strict.sshd(**NO_CODE):
        far.must("start -t full python")
        strict.at("login", "head -c 1G /dev/zero > ~/filler || true", "alice")
        ran = far.run('run -q -t full -c \'open("x", "w").write("y" * 99999)\' python')
        assert "No space left" in ran.stdout + ran.stderr
        refused = far.run("start -t more python")
        assert refused.returncode == 1
        assert "space" in refused.stderr.splitlines()[-1]
        strict.at("login", "rm ~/filler", "alice")
        assert far.must("run -q -t full -c 'print(6 * 7)' python") == "42\n"
        far.must("rm full")
        until(lambda: jobs(far), lambda found: found == {})


@pytest.fixture
def without_python(lab, site):
    """The nodes of the site without a Python."""
    nodes = ("n1", "n2", "n3")
    for node in nodes:
        site.at(node, "mount --bind /dev/null /usr/bin/python3.11")
    yield
    for node in nodes:
        site.at(node, "umount /usr/bin/python3.11")
    # It remembers such nodes for some minutes.
    lab.ssh(f"~/{INSTALLED}/current/bin/atoll local down")


def test_nodes_without_python_are_told_in_a_line(lab, without_python):
    refused = lab.run("start -t nothing python")
    assert refused.returncode == 1
    assert "python" in refused.stderr.splitlines()[-1]
    until(lambda: jobs(lab), lambda found: "nothing" not in found)


@pytest.fixture
def unreachable_nodes(site):
    """Nodes that accept no connection from the login node but those of Slurm's own programs."""
    where = "-p tcp --syn -s $(getent hosts login | cut -d' ' -f1)"
    rule = f"INPUT {where} -m multiport ! --dports 6817,6818 -j REJECT"
    for node in ("n1", "n2", "n3"):
        site.at(node, f"iptables -A {rule}")
    yield
    for node in ("n1", "n2", "n3"):
        site.at(node, f"iptables -D {rule}")


def test_nodes_that_accept_no_connection_are_reached_by_a_step(lab, unreachable_nodes):
    lab.must("start -t step python")
    assert lab.must("run -q -t step -c 'print(6 * 7)' python") == "42\n"
    assert lab.must("ssh step hostname").startswith("n")
    lab.must("rm step")
    until(lambda: jobs(lab), lambda found: "step" not in found)


def test_limits_of_the_login_node_are_its_own(lab, site):
    lab.must("ps")
    server = json.loads(lab.ssh("cat ~/.local/share/atoll/local/server.json"))
    lab.ssh(f"prlimit --cpu=3600 --pid {server['pid']}")
    code = "import resource; print(resource.getrlimit(resource.RLIMIT_CPU)[0])"
    assert lab.must(f"run -q --rm -c '{code}' python") == "-1\n"


def test_one_home_has_one_cluster(lab, site):
    """Sites have several login nodes: here another node is one."""
    lab.must("ps")
    refused = site.at("n1", f"~/{INSTALLED}/current/bin/atoll local up 2>&1 || true", "alice")
    assert "it runs on login, which has the same home" in refused
    lab.must("ps")


@pytest.fixture(scope="module")
def accounted(laptop, site, tmp_path_factory):
    """A site that accounts and limits, on its login node, too, and lets users make namespaces; bob
    has atoll there.
    """
    root = tmp_path_factory.mktemp("accounted")
    with another_site(root, "--accounting", USERNS="1", LOGIN_PIDS="60") as other:
        take_along(site, other, "bob")
        yield other


def test_the_limits_of_accounts_are_those_of_sessions(accounted, tmp_path):
    """Bob may run one job, and submit three."""
    bob = laptop_at(tmp_path, accounted.config("bob"))
    bob.must("profile add lab --host site --engine slurm\nprofile use lab")
    bob.must("start -t one python")
    assert bob.must("run -q -t one -c 'print(6 * 7)' python") == "42\n"
    assert bob.must("ssh one hostname").startswith("n")
    for name in ("two", "three"):
        bob.must(f"start -t {name} --enqueue-only python")
    row = until(lambda: rows(bob)["two"], lambda row: row["status_info"] not in {"", "None"})
    assert row["status_info"] == "AssocMaxJobsLimit"
    refused = bob.run("start -t four python")
    assert refused.returncode == 1
    assert "AssocMaxSubmitJobLimit" in refused.stderr.splitlines()[-1]
    bob.must("rm one")
    # Which of them comes next is Slurm's own business.
    until(lambda: sorted(jobs(bob).values()), lambda found: found == ["PENDING", "RUNNING"])
    bob.must("rm -f two three")
    until(lambda: jobs(bob), lambda found: found == {})
