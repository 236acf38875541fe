"""What fails at a site, and comes back: sessions are found again, or tell how they have ended."""

import json
import re
import socket
import time

import pytest
from tests.slurm.queries import job_of, jobs, rows, until

COUNT = "import time\nfor number in range(20): print(number, flush=True); time.sleep(0.3)"
ALL = [str(number) for number in range(20)]


def info(lab, session):
    """What a session that has ended tells of that."""
    row = until(lambda: rows(lab, "--dead").get(session), lambda row: row is not None)
    return row["status_info"]


def until_gone(lab, session):
    """Wait until Slurm knows of no job of a session that has not ended."""
    until(lambda: jobs(lab), lambda found: session not in found)


def kill_cluster(lab):
    server = json.loads(lab.ssh("cat ~/.local/share/atoll/local/server.json"))
    lab.ssh(f"kill -9 {server['pid']}")


def answers(lab, session):
    """Whether the session that was there before runs code."""
    assert lab.must(f"run -q -t {session} -c 'print(1)' python") == "1\n"


@pytest.fixture
def without_controller(lab, site, session):
    """A session whose site has lost slurmctld; it is back in the end."""
    answers(lab, session)
    site.node("ctl", "crash")
    yield session
    site.node("ctl", "start")  # which does nothing where it runs


@pytest.fixture
def node_off(lab, site, session):
    """A session whose node is without power; it is back in the end."""
    node = lab.ssh(f"squeue -h -j {job_of(lab, session)} -o %N").strip()
    site.node(node, "off")
    yield session
    site.node(node, "on")
    look = f"sinfo -h -p long -n {node} -o %t"
    until(lambda: site.at("login", look).strip(), lambda state: state in {"idle", "mix"})


@pytest.fixture(scope="module")
def lasting(lab):
    """A session that outlives what fails between it and the laptop."""
    lab.must("start -t lasting python")
    yield "lasting"
    lab.run("rm -f lasting")


def test_code_continues_while_the_network_is_down(lab, site, lasting):
    with lab.started("run", "-q", "-t", lasting, "-c", COUNT, "python") as running:
        running.wait_for("0\n")
        with site.cut():
            time.sleep(3)  # what a cable takes; TCP goes on
        ended = running.finish()
    assert (ended.code, ended.out.split()) == (0, ALL)


def test_a_lost_connection_is_reported_and_restored(lab, site, lasting):
    with lab.started("run", "-q", "-t", lasting, "-c", COUNT, "python") as running:
        running.wait_for("0\n")
        site.hang_up()
        running.wait_for(f"was lost while the code ran (session {lasting}", "err")
        assert running.finish().code == 3
    answers(lab, lasting)


def test_a_log_is_followed_over_a_lost_connection(lab, site, lasting):
    with lab.started("logs", "-f", lasting) as following:
        lab.must(f"run -q -t {lasting} -c 'print(\"before\")' python")
        following.wait_for("before")
        site.hang_up()
        lab.must(f"run -q -t {lasting} -c 'print(\"after\")' python")
        following.wait_for("after")


def test_a_tunnel_reconnects(lab, site, lasting):
    def banner(port):
        with socket.create_connection(("127.0.0.1", port), 30) as stream:
            return stream.recv(4)

    with lab.started("app", lasting, "sshd", "-b", "0") as tunnel:
        tunnel.wait_for("tcp://127.0.0.1:")
        found = re.search(r"tcp://127.0.0.1:(\d+)", tunnel.printed())
        port = int(found[1])
        assert banner(port) == b"SSH-"
        site.hang_up()
        until(lambda: banner(port), lambda heard: heard == b"SSH-")


@pytest.mark.parametrize("grace", [[], ["-f"]])
def test_a_session_removed_while_slurm_is_down_ends_later(lab, site, without_controller, grace):
    session = without_controller
    with lab.started("rm", *grace, session) as removing:
        until(lambda: rows(lab)[session]["status"], lambda status: status == "TERMINATING")
        site.node("ctl", "start")
        assert removing.finish().code == 0
    until_gone(lab, session)
    assert info(lab, session) == ("force-terminated" if grace else "user-requested")


def test_while_slurm_is_down_sessions_continue_and_none_starts(lab, site, without_controller):
    session = without_controller
    refused = lab.run("start -t refused python")
    assert refused.returncode == 1
    assert "Slurm accepts no jobs at present" in refused.stderr
    answers(lab, session)
    told = until(lambda: rows(lab)[session]["status_info"], lambda told: told)
    assert told.startswith("its state is unknown: ")
    kill_cluster(lab)
    assert rows(lab)[session]["status"] == "RUNNING"
    answers(lab, session)
    site.node("ctl", "start")
    until(lambda: rows(lab)[session]["status_info"], lambda told: not told)
    assert "refused" not in jobs(lab)
    lab.must("rm -f refused")


def test_a_node_without_power_ends_its_session(lab, node_off):
    assert info(lab, node_off) == "node-failure"
    until_gone(lab, node_off)


def test_a_slurmd_that_crashes_ends_nothing(lab, site, session):
    node = lab.ssh(f"squeue -h -j {job_of(lab, session)} -o %N").strip()
    site.node(node, "crash")
    try:
        answers(lab, session)
    finally:
        site.node(node, "start")
    lab.must(f"rm {session}")
    until_gone(lab, session)


def test_a_job_that_is_requeued_by_hand_is_not_begun_again(lab, site, session):
    job = job_of(lab, session)
    site.at("ctl", f"scontrol update jobid={job} requeue=1 && scontrol requeue {job}")
    assert info(lab, session) == "requeued"
    until_gone(lab, session)


def test_a_cluster_that_is_killed_while_a_session_starts_doubles_nothing(lab):
    for name, line in {
        "waits": "start --enqueue-only --type batch --starts-at +1h -c true",
        "once": "start",
    }.items():
        with lab.started(*line.split(), "-t", name, "python") as starting:
            until(lambda: jobs(lab), lambda found, name=name: name in found)
            kill_cluster(lab)
            starting.finish()
    assert rows(lab)["waits"]["status"] in {"PENDING", "SCHEDULED"}
    until(lambda: rows(lab)["once"]["status"], lambda status: status == "RUNNING")
    listed = lab.ssh("squeue --me -h -o %j").splitlines()
    assert sorted(name.partition(".")[0] for name in listed) == ["once", "waits"]
    lab.must("rm -f waits once")
    until(lambda: jobs(lab), lambda found: found == {})
