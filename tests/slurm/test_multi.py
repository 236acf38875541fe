"""Sessions of several kernels: one job, on as many nodes or on one."""

import json
import re
import shlex
from uuid import uuid4

import pytest
from tests.slurm.queries import job_of, jobs, rows, until

SMALL = "-r cpu=1 -r mem=256m"
TOLD = "BACKENDAI_CLUSTER_HOSTS", "ATOLL_CLUSTER_ADDRESSES"
PLACE = f"import os; print(*map(os.environ.get, {TOLD}))"
VISIT = "ssh $n 'hostname; cat f' 2> /dev/null"
KERNEL = "pkill -9 -x atoll-kernel"


@pytest.fixture
def spread(lab):
    """A session on three nodes."""
    name = f"s{uuid4().hex[:8]}"
    lab.must(f"start -t {name} --cluster-size 3 --cluster-mode multi-node {SMALL} python")
    yield name
    lab.run(f"rm -f {name}")


def test_each_kernel_has_a_node_and_reaches_the_others_by_name(lab, spread):
    listed = lab.ssh(f"squeue --noheader --jobs={job_of(lab, spread)} --format='%D %T'")
    assert listed == "3 RUNNING\n"
    hosts, addresses = lab.must(f'run -t {spread} -c "{PLACE}" python').split()
    assert hosts == "main1,sub1,sub2"
    assert re.fullmatch(r"main1=\d[\d.]+,sub1=\d[\d.]+,sub2=\d[\d.]+", addresses)
    script = f"echo word > f; scp -q f sub2:; for n in main1 sub1 sub2; do {VISIT}; done"
    told = lab.must(f"ssh {spread} {shlex.quote(script + '; ssh sub1 exit 3; echo $?')}").split()
    assert sorted(told) == sorted(["n1", "word", "n2", "n3", "word", "3"])


def test_a_sub_kernel_that_ends_leaves_the_others_and_rm_ends_all(lab, spread):
    lab.must(f'ssh {spread} "ssh sub2 {KERNEL}; true"')
    until(lambda: rows(lab)[spread]["status"], lambda status: status == "RUNNING_DEGRADED")
    assert lab.must(f'ssh {spread} "ssh sub1 hostname"').startswith("n")
    lab.must(f"rm {spread}")
    until(lambda: jobs(lab), lambda found: spread not in found)


def test_the_end_of_the_main_kernel_ends_all(lab, spread):
    lab.run(f'ssh {spread} "{KERNEL}"')
    until(lambda: jobs(lab), lambda found: spread not in found)
    row = until(lambda: rows(lab, "--dead").get(spread), lambda row: row is not None)
    assert row["status"] == "TERMINATED"


def test_the_time_limit_ends_all(lab, spread):
    lab.ssh(f"scontrol update jobid={job_of(lab, spread)} timelimit=1")
    row = until(lambda: rows(lab, "--dead").get(spread), lambda row: row is not None)
    assert row["status_info"] == "time-limit"
    assert spread not in jobs(lab)


def test_a_killed_cluster_finds_all_kernels_again_and_starts_them_anew(lab, spread):
    server = json.loads(lab.ssh("cat ~/.local/share/atoll/local/server.json"))
    lab.ssh(f"kill -9 {server['pid']}")
    assert lab.must(f'ssh {spread} "ssh sub2 hostname"').startswith("n")
    lab.must(f"restart {spread}")
    assert lab.must(f'ssh {spread} "ssh sub2 hostname"').startswith("n")


def test_all_wait_together_and_none_starts_alone(lab):
    """The site has three nodes."""
    lab.must(
        f"start -t four --enqueue-only --cluster-size 4 --cluster-mode multi-node {SMALL} python"
    )
    row = until(lambda: rows(lab)["four"], lambda row: row["status_info"] not in {"", "None"})
    assert row["status"] in {"PENDING", "SCHEDULED", "ERROR"}
    assert jobs(lab).get("four") in {"PENDING", None}
    lab.must("rm -f four")
    until(lambda: jobs(lab), lambda found: "four" not in found)


def test_a_session_on_one_node_stays_there(lab):
    lab.must(f"start -t close --cluster-size 2 {SMALL} python")
    told = lab.must("ssh close 'hostname; ssh sub1 hostname'").split()
    assert told == [told[0]] * 2
    lab.must("rm close")
