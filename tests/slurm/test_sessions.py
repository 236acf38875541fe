"""Sessions as jobs: used from a laptop, lost and found, ended by either side."""

import json
import shlex

from tests.slurm.queries import WITHOUT_KEY, job_of, jobs, rows, until

CODE = "import socket; print(socket.gethostname(), input())"


def test_code_runs_on_a_node_and_reads_what_is_piped(lab):
    node, word = lab.must(f"run --rm -c '{CODE}' python", "hello\n").split()
    assert (node[0], word) == ("n", "hello")
    until(lambda: jobs(lab), lambda found: not any(name.startswith("atoll-") for name in found))


def test_files_exit_codes_and_ssh_are_those_of_the_node(lab, session):
    (lab.home / "note").write_text("hello")
    lab.must(f"upload {session} {lab.home}/note")
    ran = lab.run(f"run -t {session} --exec 'cat note; hostname; exit 3' python")
    assert ran.returncode == 3
    text, node = ran.stdout[:5], ran.stdout[5:].strip()
    assert (text, lab.must(f"ssh {session} hostname").strip()) == ("hello", node)
    assert "hello" in lab.must(f"logs {session}")


def test_rm_ends_the_job(lab, session):
    assert jobs(lab)[session] == "RUNNING"
    lab.must(f"rm {session}")
    until(lambda: jobs(lab), lambda found: session not in found)


def test_a_job_cancelled_in_slurm_ends_its_session(lab, session):
    lab.ssh(f"scancel {job_of(lab, session)}")
    row = until(lambda: rows(lab, "--dead").get(session), lambda row: row is not None)
    assert row["status_info"] == "cancelled"


def test_a_session_whose_time_is_up_says_so(lab, session):
    """It is asked to end a minute before: here, at once."""
    lab.ssh(f"scontrol update jobid={job_of(lab, session)} timelimit=1")
    row = until(lambda: rows(lab, "--dead").get(session), lambda row: row is not None)
    assert row["status_info"] == "time-limit"


def test_what_waits_says_why_and_can_be_removed(lab):
    lab.must("start -t first -r cpu=1 -r cuda.device=2 python")
    lab.must("start -t late --enqueue-only -r cpu=1 -r cuda.device=2 python")
    row = until(lambda: rows(lab)["late"], lambda row: row["status_info"] not in {"", "None"})
    assert row["status_info"] in {"Resources", "Priority"}
    lab.must("rm -f late first")
    until(lambda: jobs(lab), lambda found: "late" not in found)


def test_what_never_starts_ends_by_itself(lab):
    refused = lab.run("start -t big -r cpu=64 python")
    assert refused.returncode == 1
    assert "it was not started: PartitionConfig: it requests more" in refused.stderr
    assert "big" not in jobs(lab)
    lab.must("rm -f big")


def test_a_session_has_the_variables_of_its_job(lab, session):
    job = job_of(lab, session)
    code = "import os; print(*(os.environ[f'SLURM_{n}'] for n in ('JOB_ID', 'CPUS_PER_TASK')))"
    assert lab.must(f'run -t {session} -c "{code}" python') == f"{job} 1\n"
    asked = "'SRUN_CPUS_PER_TASK', 'TMPDIR'"
    code = f"import os; print(*(os.environ[name] for name in ({asked})))"
    assert lab.must(f'run -t {session} -c "{code}" python').startswith("1 /tmp/atoll-")
    told = json.loads(lab.must(f"info {session} --output json"))
    assert told["engine_id"] == job
    assert told["ends_at"]
    gpus = "run --rm -r gres:gpu:a100=1 --exec 'echo $CUDA_VISIBLE_DEVICES' python"
    assert lab.must(gpus).split()[0] == "0"


def test_a_session_says_in_time_that_its_time_is_up(lab):
    lab.must("start -t short --timeout 3m python")
    row = until(lambda: rows(lab)["short"], lambda row: "time is up" in row["status_info"])
    assert row["status"] == "RUNNING"
    until(lambda: lab.must("logs short"), lambda log: "this session ends in" in log)
    lab.must("rm short")


def test_priorities_are_lowered_by_anybody_and_raised_by_operators(lab):
    lab.must("start -t low --priority 5 python")
    assert lab.ssh("squeue --me --noheader --format='%y %j' | grep ' low[.]'").split()[0] == "500"
    lab.must("rm low")
    refused = lab.run("start -t high --priority 20 python")
    assert "Invalid --nice value; only operators may" in refused.stderr
    lab.must("rm -f high")


def test_partitions_are_scaling_groups(lab):
    lab.must("start -t far --scaling-group long python")
    assert "long" in lab.ssh("squeue --me -h -o '%P %j' | grep ' far\\.'")
    lab.must("rm far")
    assert "No such scaling group" in lab.run("start --scaling-group nope python").stderr


def test_a_killed_cluster_finds_its_sessions_again(lab, session):
    """Logging out of a login node may well do that."""
    server = json.loads(lab.ssh("cat ~/.local/share/atoll/local/server.json"))
    lab.ssh(f"kill -9 {server['pid']}")
    assert rows(lab)[session]["status"] == "RUNNING"
    assert lab.must(f"run -t {session} -c 'print(1)' python") == "1\n"


def test_a_sweep_runs_on_all_nodes(lab):
    out = lab.must(
        "run --rm --exec 'echo on $(hostname)' --env-range 'X=case:1,2,3,4' --max-parallel 4 python"
    )
    assert out.count("done") >= 4


def test_another_user_of_the_site_reaches_no_session(lab, session, another):
    """The port of a session is open to all nodes, and lets in who has its key."""
    told = lab.ssh("cat ~/.local/share/atoll/local/kernels/*/run/relay.json")
    address = json.loads(told.strip().splitlines()[-1])
    assert another.ssh("id -un").split()[-1] != lab.ssh("id -un").strip()
    out = another.ssh(f"python3 -c {shlex.quote(WITHOUT_KEY.format(**address))}")
    *_, connected, end = out.splitlines()
    assert connected == "connected"
    assert end == "heard b''" or end.startswith("refused")
    keys = lab.ssh("echo ~/.local/share/atoll/local/credentials.json").strip()
    kept = another.ssh(f"cat {keys} 2>&1 || true")
    assert "Permission denied" in kept
    assert lab.must(f"run -t {session} -c 'print(1)' python") == "1\n"
