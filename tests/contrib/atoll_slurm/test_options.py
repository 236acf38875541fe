"""A session in the words of sbatch."""

from decimal import Decimal
from pathlib import Path

import pytest
from atoll_slurm.options import kernel_of, limit, options
from atoll_slurm.programs import Ran, is_unreached
from atoll_slurm.script import script
from atoll_slurm.settings import Settings
from attrs import evolve

from atoll_cluster.engines import EngineError, Job, Terms

JOB = Job(
    kernel_id="1f2e",
    session_id="5e55",
    name="my session",
    folder=Path("/home/me/kernels/1f2e"),
    terms=Terms(slots={"cpu": Decimal(2), "mem": Decimal(2**30) + 1}),
)


def asked(settings=None, time="", **terms):
    job = evolve(JOB, terms=evolve(JOB.terms, **terms))
    return set(options(job, settings or Settings(), time))


def test_a_job_says_what_it_takes_and_where_it_runs():
    assert {
        "--job-name=my_session.1f2e",
        "--chdir=/home/me/kernels/1f2e/run",
        "--cpus-per-task=2",
        "--mem=1025M",
        "--no-requeue",
        "--propagate=NONE",
        "--time=10:00",
    } <= asked(time="10:00")
    assert kernel_of("my_session.1f2e") == JOB.kernel_id


@pytest.mark.parametrize(
    ("terms", "option"),
    [
        ({"scaling_group": "long"}, "--partition=long"),
        ({"group": "proj"}, "--account=proj"),
        ({"starts_at": "2026-11-27T16:00:00"}, "--begin=2026-11-27T16:00:00"),
        ({"priority": 4}, "--nice=600"),
        ({"options": {"agents": ["n2", "n3"]}}, "--nodelist=n2"),
        ({"priority": 11}, "--nice=-100"),
        ({"slots": {"cuda.device": Decimal(2)}}, "--gres=gpu:2"),
        ({"slots": {"cpu": Decimal("0.5")}}, "--cpus-per-task=1"),
        ({"slots": {"gres:gpu:a100": Decimal(1), "gres:ssd": Decimal(1)}},
         "--gres=gpu:a100:1,ssd:1"),
    ],
)  # fmt: skip
def test_what_a_session_asks_for_is_asked_of_slurm(terms, option):
    assert option in asked(**terms)


def test_the_usual_priority_and_no_time_are_left_to_slurm():
    assert not any(word.startswith(("--nice", "--time")) for word in asked())


@pytest.mark.parametrize(("seconds", "minutes"), [(1, "2"), (60, "2"), (180, "4"), (3600, "61")])
def test_a_session_has_its_time_before_it_is_asked_to_end(seconds, minutes):
    assert limit(seconds) == minutes


def test_a_site_s_own_rules_are_settings():
    settings = Settings.read(
        {"account": "a", "partition": "p", "qos": "q", "memory": "none", "extra": "-C 'x y'"}
    )
    words = asked(settings)
    assert {"--account=a", "--partition=p", "--qos=q", "-C", "x y"} <= words
    assert not any(word.startswith("--mem") for word in words)


@pytest.mark.parametrize(
    ("do", "told"),
    [
        (lambda: asked(slots={"cuda.shares": Decimal(1)}), "Slurm has no slot cuda.shares"),
        (lambda: asked(slots={"gres:a;b": Decimal(1)}), "Slurm has no slot gres:a;b"),
        (lambda: asked(starts_at="soon"), "'soon' is not a time"),
        (lambda: Settings.read({"acount": "x"}), "no setting acount of slurm; there are partition"),
        (lambda: Settings.read({"memory": "8g"}), "memory is mem or none, not 8g"),
        (lambda: asked(Settings(extra="'")), "the setting extra of slurm can't be read"),
        (lambda: asked(Settings(extra="-C x --array=0-3")), "can't have --array=0-3: a session"),
    ],
)
def test_what_slurm_can_not_give_is_refused_in_one_line(do, told):
    with pytest.raises(EngineError, match=told):
        do()


def test_a_requeued_job_does_nothing(tmp_path):
    import subprocess

    text = script(["sh", "-c", "echo $0 'it is'"])
    for restarts, ended in (("0", (0, "sh it is\n")), ("1", (75, ""))):
        environ = {"SLURM_RESTART_COUNT": restarts, "PATH": "/usr/bin:/bin"}
        ran = subprocess.run(["sh"], input=text, env=environ, capture_output=True, text=True)
        assert (ran.returncode, ran.stdout) == ended


def test_a_script_reports_that_its_node_has_no_python(tmp_path):
    import subprocess

    environ = {"SLURMD_NODENAME": "n7", "PATH": "/usr/bin:/bin"}
    text = script(["/nowhere/python3", "-c", ""])
    ran = subprocess.run(["sh"], input=text, env=environ, cwd=tmp_path, text=True)
    assert (ran.returncode, [one.name for one in tmp_path.iterdir()]) == (78, ["no-python.n7"])


def test_messages_of_slurm_are_shown_without_program_names():
    ran = Ran(1, "", "sbatch: error: Batch job submission failed: Invalid account\n")
    assert ran.words == "Batch job submission failed: Invalid account"
    assert not is_unreached(ran)
    assert is_unreached(Ran(1, "", "slurm_load_jobs error: Unable to contact slurm controller"))


def test_a_job_starts_after_those_that_it_depends_on():
    assert "--dependency=afterok:7:8" in options(JOB, Settings(), "", ["7", "8"])
    assert not [word for word in options(JOB, Settings()) if word.startswith("--dependency")]
