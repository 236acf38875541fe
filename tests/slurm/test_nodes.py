"""The nodes of the site, as agents of the cluster."""

import csv
import io
import json

from tests.slurm.queries import until

FIELDS = (
    "id,status,schedulable,scaling_group,available_slots,occupied_slots,container_count,"
    "hardware_metadata"
)


def agents(lab, *options):
    """What `admin agents` tells, by the names of nodes."""
    told = lab.must(f"admin agents {' '.join(options)} -f {FIELDS} --output csv")
    return {row["id"]: row for row in csv.DictReader(io.StringIO(told))}


def test_each_node_is_an_agent_with_what_slurm_says_of_it(lab):
    printed = lab.ssh("sinfo --noheader --Node --format='%N|%c|%m'")
    told = {one.split("|")[0]: one.split("|")[1:] for one in printed.split()}
    found = agents(lab)
    assert set(found) == set(told)
    for name, (cpu, memory) in told.items():
        slots = json.loads(found[name]["available_slots"])
        assert (slots["cpu"], slots["mem"]) == (cpu, str(int(memory) * 2**20))
    gpus = json.loads(found["n3"]["available_slots"])
    assert (gpus["cuda.device"], gpus["gres:gpu:a100"]) == ("2", "2")


def test_a_session_is_on_the_node_that_its_job_is_on(lab):
    lab.must("start -t placed python")
    try:
        [node] = lab.ssh("squeue --me --noheader --format='%N %j' | grep placed").split()[:1]
        assert f'placed,"[""{node}""]"' in lab.must("ps -f name,agent --output csv")
        found = until(lambda: agents(lab)[node], lambda row: row["container_count"] == "1")
        assert json.loads(found["occupied_slots"])["cpu"] == "1"
    finally:
        lab.must("rm placed")


def test_a_drained_node_takes_no_sessions_and_says_why(lab, site):
    site.at("ctl", "scontrol update nodename=n2 state=drain reason='a new disk'")
    try:
        found = until(lambda: agents(lab)["n2"], lambda row: row["schedulable"] != "true")
        told = json.loads(found["hardware_metadata"])["node"]
        assert told["status_info"].endswith(": a new disk")
        assert set(agents(lab, "--scaling-group debug")) == {"n1", "n2", "n3"}
    finally:
        site.at("ctl", "scontrol update nodename=n2 state=resume")
    until(lambda: agents(lab)["n2"], lambda row: row["schedulable"] == "true")


def test_a_session_runs_on_the_node_that_is_asked_for(lab):
    assert lab.must("run --rm --assign-agent n2 -c 'import os; print(os.uname()[1])' python") == (
        "n2\n"
    )
    refused = lab.run("start --assign-agent n9 python")
    assert "there is no agent 'n9'; there are n1, n2, n3" in refused.stderr
