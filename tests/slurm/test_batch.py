"""Batch sessions as jobs of their own: nobody needs to be there until they end."""

import json

from tests.slurm.test_sessions import jobs, rows, until

SMALL = "-r cpu=1 -r mem=256m"


def line(name, command, options=""):
    """Return what begins a batch session."""
    return f"start --type batch --enqueue-only -t {name} {options} {SMALL} -c '{command}' python"


def batch(lab, name, command, options=""):
    """Begin a batch session."""
    lab.must(line(name, command, options))


def ended(lab, name):
    """Wait for the end of a session: its result, its exit code, and what its end is called."""
    row = until(lambda: rows(lab, "--dead").get(name), lambda row: row is not None)
    told = json.loads(lab.must(f"info {name} --output json"))
    [found] = told if isinstance(told, list) else [told]
    return found["result"], found["status_data"]["kernel"]["exit_code"], row["status_info"]


def seen_by_slurm(lab, name):
    """How Slurm says that the job of a session has ended: a state and an exit code."""
    listed = lab.ssh("squeue --me --states=all --noheader --format='%i %j'").splitlines()
    [job] = [line.split()[0] for line in listed if f" {name}." in line]
    words = dict(
        word.partition("=")[::2]
        for word in lab.ssh(f"scontrol show job {job}").split()
        if "=" in word
    )
    return words["JobState"], words["ExitCode"]


def kill_cluster(lab):
    """Kill the program of the cluster, as logging out of a login node may do."""
    server = json.loads(lab.ssh("cat ~/.local/share/atoll/local/server.json"))
    lab.ssh(f"kill -9 {server['pid']}")


def test_the_exit_code_of_the_command_is_that_of_the_job(lab):
    batch(lab, "fails", "echo trying; hostname; exit 3")
    failed = lab.run("wait fails --for TERMINATED")
    assert (failed.returncode, "exit code 3" in failed.stderr) == (3, True)
    assert ended(lab, "fails") == ("FAILURE", 3, "task-failed")
    assert seen_by_slurm(lab, "fails") == ("FAILED", "3:0")
    assert lab.must("logs fails").startswith("trying\nn")
    batch(lab, "works", "true")
    lab.must("wait works --for TERMINATED")
    assert ended(lab, "works") == ("SUCCESS", 0, "task-done")
    assert seen_by_slurm(lab, "works") == ("COMPLETED", "0:0")


def test_a_job_that_waits_and_runs_needs_no_cluster(lab):
    """It was killed before the job began, and is started again after it has ended."""
    lab.must("start -t all --cluster-size 3 --cluster-mode multi-node -r cpu=2 python")
    batch(lab, "alone", "echo done; exit 5")
    until(lambda: jobs(lab), lambda found: found.get("alone") == "PENDING")
    kill_cluster(lab)
    lab.ssh("scancel $(squeue --me --noheader --format='%i %j' | grep ' all' | cut -d' ' -f1)")
    until(lambda: jobs(lab), lambda found: "alone" not in found)
    assert ended(lab, "alone") == ("FAILURE", 5, "task-failed")
    assert lab.must("logs alone") == "done\n"


def test_an_ended_batch_session_has_failed_and_may_still_print(lab):
    batch(lab, "stopped", 'trap "echo saved; exit 9" TERM; echo begun; sleep 600 & wait')
    until(lambda: lab.run("logs stopped").stdout, lambda text: "begun" in text)
    lab.must("rm stopped")
    assert ended(lab, "stopped") == ("FAILURE", 9, "user-requested")
    assert lab.must("logs stopped") == "begun\nsaved\n"
    assert seen_by_slurm(lab, "stopped") == ("FAILED", "9:0")


def test_the_time_limit_is_its_reason(lab):
    batch(lab, "long", "sleep 600")
    until(lambda: rows(lab).get("long", {}).get("status"), lambda status: status == "RUNNING")
    lab.ssh(
        "scontrol update timelimit=1"
        " jobid=$(squeue --me --noheader --format='%i %j' | grep ' long' | cut -d' ' -f1)"
    )
    result, code, reason = ended(lab, "long")
    assert (result, code, reason) == ("FAILURE", 143, "time-limit")


def test_a_job_that_starts_later_waits_at_slurm(lab):
    batch(lab, "later", "true", "--starts-at 1h")
    row = until(lambda: rows(lab)["later"], lambda row: row["status_info"] == "BeginTime")
    assert row["status"] in {"PENDING", "SCHEDULED"}
    lab.must("rm -f later")
    until(lambda: jobs(lab), lambda found: "later" not in found)


def test_jobs_that_depend_on_others_wait_at_slurm(lab):
    """They start after the cluster's program has been killed, one because the other succeeded."""
    lines = [
        line("first", "sleep 20"),
        line("second", "echo after", "--depends first"),
        line("third", "echo last", "--depends second"),
    ]
    lab.must("\n".join(lines))
    row = until(lambda: rows(lab)["third"], lambda row: row["status_info"] == "Dependency")
    assert jobs(lab)["third"] == jobs(lab)["second"] == "PENDING"
    kill_cluster(lab)
    until(lambda: jobs(lab), lambda found: "third" not in found)
    assert ended(lab, "second") == ("SUCCESS", 0, "task-done")
    assert ended(lab, "third") == ("SUCCESS", 0, "task-done")
    assert row["status"] in {"PENDING", "SCHEDULED"}


def test_what_depends_on_a_failure_ends_with_that_reason(lab):
    lines = [
        line("failing", "sleep 20; exit 1"),
        line("hopeless", "echo never", "--depends failing"),
        line("neither", "echo never", "--depends hopeless"),
    ]
    lab.must("\n".join(lines))
    until(lambda: jobs(lab), lambda found: found.get("neither") == "PENDING")
    row = until(lambda: rows(lab, "--dead").get("neither"), lambda row: row is not None)
    assert (row["status"], row["status_info"]) == ("TERMINATED", "dependency hopeless failed")
    row = rows(lab, "--dead")["hopeless"]
    assert (row["status"], row["status_info"]) == ("TERMINATED", "dependency failing failed")
    until(lambda: jobs(lab), lambda found: not {"hopeless", "neither"} & {*found})
