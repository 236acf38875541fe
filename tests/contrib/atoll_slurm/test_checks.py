"""What `doctor` tells of a site, where something that sessions stand on is missing."""

import pytest
from atoll_slurm import checks
from atoll_slurm.programs import NoAnswer, Ran
from atoll_slurm.settings import Settings

UP = "Slurmctld(primary) at ctl is UP\n"
DEBUG = "PartitionName=debug Default=YES DefaultTime=00:05:00 MaxTime=00:10:00 TotalNodes=3"
LONG = "PartitionName=long Default=NO MaxTime=UNLIMITED State=DRAIN TotalNodes=1 DefMemPerNode=900"
CONFIG = "DebugFlags = (null)\nDefMemPerCPU            = 512\n"
NODE = "node=n1\npython=3.11.2\nhome=shared\nsandbox=yes\n"


def of(out, code=0):
    return Ran(code, out, "" if code == 0 else out)


def by_name(findings):
    return {one.check: one for one in findings}


def test_a_controller_that_does_not_answer_is_out_of_reach():
    ping = of("Slurmctld(primary) at ctl is DOWN\n", 1)
    found = checks.controller(ping, of("slurm 23.11\n"))
    assert (found.status, found.exit_code) == ("failed", 3)
    assert "ctl is DOWN" in found.detail
    assert checks.controller(of(UP), of("slurm 23.11\n")).detail.startswith("slurm 23.11;")


def test_partitions_are_shown_with_their_limits():
    found = by_name(checks.partitions(of(f"{DEBUG}\n{LONG}\n"), of(CONFIG), Settings()))
    debug, long = found["partition debug"], found["partition long"]
    assert debug.status == "ok"
    for told in ("the default", "3 nodes", "at most 00:10:00", "00:05:00 for", "512 MB a CPU"):
        assert told in debug.detail
    assert long.status == "absent"
    for told in ("DRAIN", "no time limit", "900 MB a node"):
        assert told in long.detail


@pytest.mark.parametrize(
    ("lines", "settings", "status", "told"),
    [
        ([DEBUG], {"partition": "gpu"}, "failed", "the setting partition is gpu"),
        ([LONG], {}, "absent", "no default partition"),
        ([LONG], {"partition": "long"}, None, ""),
    ],
)
def test_the_partition_of_sessions_is_checked(lines, settings, status, told):
    found = by_name(checks.partitions(of("\n".join(lines)), of(CONFIG), Settings(**settings)))
    named = found.get("partitions")
    assert (named.status if named else None) == status
    assert told in (named.detail if named else "")


def test_of_many_partitions_only_some_are_shown():
    lines = [DEBUG.replace("debug", f"p{number}") for number in range(100)]
    found = list(checks.partitions(of("\n".join(lines)), of(CONFIG), Settings()))
    assert len(found) == 21
    assert found[-1].detail == "80 more"


@pytest.mark.parametrize(
    ("answer", "failed", "told"),
    [
        (NODE, None, "python3 of n1 is 3.11.2"),
        (NODE.replace("3.11.2", ""), "python on nodes", "n1 has no python3"),
        (NODE.replace("3.11.2", "3.6.8"), "python on nodes", "3.6.8, older than 3.9"),
        (NODE.replace("shared", "own"), "shared home", "n1 does not see"),
    ],
)
def test_a_node_says_what_it_has(answer, failed, told):
    found = list(checks.node(of(answer), Settings()))
    assert [one.check for one in found if one.status == "failed"] == ([failed] if failed else [])
    assert any(told in one.detail for one in found)


def test_nodes_that_are_busy_are_not_waited_for():
    [found] = checks.node(of("srun: error: Unable to allocate resources", 1), Settings())
    assert found.status == "skipped"
    assert "Unable to allocate" in found.detail


@pytest.mark.parametrize(
    ("texts", "status"),
    [
        ([], "ok"),
        (["[Login]\n#KillUserProcesses=yes\n"], "ok"),
        (["[Login]\nKillUserProcesses = yes\n"], "absent"),
        (["KillUserProcesses=yes\n", "KillUserProcesses=no\n"], "ok"),
    ],
)
def test_whether_logging_out_ends_programs(texts, status):
    assert checks.logout(texts).status == status


@pytest.mark.parametrize("answer", ["silence", "no program", "a wrong setting"])
async def test_where_slurm_can_t_be_asked_one_line_says_so(tmp_path, monkeypatch, answer):
    async def silent(argv, stdin=""):
        raise NoAnswer(f"{argv[0]} does not answer within 20 s")

    monkeypatch.setenv("PATH", str(tmp_path))
    if answer == "silence":
        monkeypatch.setattr(checks, "run", silent)
    settings = {"memory": "much"} if answer == "a wrong setting" else {}
    found = [one async for one in checks.check(tmp_path / "data", settings)]
    assert [one.status for one in found if one.check == "slurm"] == ["failed"]
    assert len(found) == 2
