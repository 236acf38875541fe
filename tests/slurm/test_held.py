"""Jobs that are held for the cases of a sweep: each case is a step, and a session nonetheless."""

import json
from uuid import uuid4

import pytest
from tests.slurm.queries import rows, until
from tests.slurm.site import INSTALLED

SMALL = "-r cpu=1 -r mem=256m"
PARALLEL = "--max-parallel 2"
ATOLL = f"{INSTALLED}/current/bin/atoll"
HELD = 60
"""Seconds for which jobs are held here, because machines of tests are slow."""


@pytest.fixture(scope="module", autouse=True)
def patient(lab):
    """The site with jobs that are held for longer."""
    lab.ssh(f"{ATOLL} local down; {ATOLL} local up --engine slurm --set hold={HELD}")
    yield
    lab.ssh(f"{ATOLL} local down; {ATOLL} local up --set hold=; {ATOLL} local down")


def held(lab):
    """The held jobs of the site, and their states."""
    lines = lab.ssh("squeue --me --noheader --format='%A %T %j'").splitlines()
    return {line.split()[0]: line.split()[1] for line in lines if " sweep_" in line}


def engine_id(lab, name):
    """The job and the step of a session; a folder may show its start before the step is known."""

    def ask():
        return json.loads(lab.must(f"info {name} --output json"))["engine_id"].split(".")

    return until(ask, lambda found: len(found) == 2)


def kill_cluster(lab):
    server = json.loads(lab.ssh("cat ~/.local/share/atoll/local/server.json"))
    lab.ssh(f"kill -9 {server['pid']}")


def reason(lab, name):
    """Why a session has ended."""
    return until(lambda: rows(lab, "--dead").get(name), lambda row: row is not None)["status_info"]


@pytest.fixture
def start(lab):
    """Start sessions of one sweep, one after the other; they and their jobs are gone at the end."""
    tag, names = f"sweep:{uuid4().hex[:6]}", []

    def begin(options=""):
        names.append(f"c{uuid4().hex[:8]}")
        lab.must(f"start -t {names[-1]} --tag {tag} {SMALL} {options} python")
        return names[-1]

    yield begin
    lab.run(f"rm -f {' '.join(names)}")
    lab.ssh("squeue --me -h -o '%A %j' | grep sweep_ | cut -d' ' -f1"
            " | xargs -r scancel")  # fmt: skip
    until(lambda: held(lab), lambda found: not found)


def test_a_sweep_has_as_many_jobs_as_run_at_a_time_and_they_end_after_it(lab):
    code = "--exec 'echo $SLURM_JOB_ID; srun -n1 true && exit $X' --env-range X=range:0,8,1 -e X=$X"
    ended = lab.run(f"run --rm -q {code} {PARALLEL} {SMALL} python")
    assert ended.returncode == 1
    told = lab.must("sweep status --output json")
    assert [case["exit_code"] for case in json.loads(told)] == list(range(8))
    assert len({line.split()[-1] for line in ended.stdout.splitlines()}) == 2
    until(lambda: held(lab), lambda found: not found)


def test_a_case_that_is_removed_ends_its_step_alone(lab, start):
    first = start()
    job, step = engine_id(lab, first)
    lab.must(f"rm {first}")
    second = start()
    assert engine_id(lab, second) == [job, str(int(step) + 1)]
    assert lab.must(f"run -q -t {second} -c 'print(1)' python") == "1\n"
    assert reason(lab, first) == "user-requested"


def test_a_killed_cluster_finds_the_case_and_goes_on_with_its_job(lab, start):
    first = start()
    job, _ = engine_id(lab, first)
    kill_cluster(lab)
    assert lab.must(f"run -q -t {first} -c 'print(1)' python") == "1\n"
    assert rows(lab)[first]["status"] == "RUNNING"
    lab.must(f"rm {first}")
    assert engine_id(lab, start())[0] == job


def test_a_case_that_takes_too_much_memory_says_so_and_leaves_the_job(lab, start):
    first = start()
    job, _ = engine_id(lab, first)
    killed = lab.run(f"run -q -t {first} -c 'x = \"a\" * (400 << 20)' python")
    assert killed.returncode == 137
    lab.must(f"rm {first}")
    assert reason(lab, first) == "out-of-memory"
    assert engine_id(lab, start())[0] == job


def test_a_case_has_its_own_time_limit(lab, start):
    first = start("--timeout 1m")
    job, _ = engine_id(lab, first)
    assert reason(lab, first) == "time-limit"
    assert engine_id(lab, start("--timeout 1m"))[0] == job
    assert engine_id(lab, start("--timeout 5m"))[0] != job


@pytest.mark.parametrize("how", ["cancelled", "requeued"])
def test_the_end_of_the_job_is_that_of_the_case_and_the_next_gets_another(lab, site, start, how):
    first = start()
    job, _ = engine_id(lab, first)
    if how == "cancelled":
        lab.ssh(f"scancel {job}")
    else:
        site.at("ctl", f"scontrol update jobid={job} requeue=1 && scontrol requeue {job}")
    assert reason(lab, first) == how
    assert engine_id(lab, start())[0] != job


def test_a_job_ends_without_the_cluster(lab, start):
    lab.must(f"rm {start()}")
    kill_cluster(lab)
    until(lambda: held(lab), lambda found: not found)
