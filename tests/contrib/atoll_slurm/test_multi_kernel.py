"""Sessions of several kernels: they come one by one, and become one job."""

import subprocess
from decimal import Decimal

import anyio
import pytest
from atoll_slurm import multi_kernel as module
from atoll_slurm.multi_kernel import Member, MultiKernelJobs, multi_kernel_script, nodes_of
from atoll_slurm.options import options
from atoll_slurm.queue import Listed
from atoll_slurm.settings import Settings
from attrs import evolve

from atoll_cluster.engines import EngineError, Job, Running, Terms, Waiting

MIB = 2**20


def kernels(root, mode="multi-node", **slots):
    terms = Terms(
        slots={name: Decimal(amount) for name, amount in slots.items()},
        cluster_size=3,
        cluster_mode=mode,
    )
    return [
        Job(
            kernel_id=f"k-{name}",
            session_id="s",
            name="train",
            folder=root / f"k-{name}",
            cluster_role=name[:-1],
            cluster_index=int(name[-1]),
            hostname=name,
            terms=terms,
        )
        for name in ("sub1", "main1", "sub2")
    ]


@pytest.mark.anyio
async def test_the_last_kernel_submits_all_with_the_main_one_first(tmp_path):
    multi_kernel, submitted = MultiKernelJobs(), []

    async def submit(jobs):
        submitted.append([job.hostname for job in jobs])

    async with anyio.create_task_group() as tasks:
        for job in kernels(tmp_path):
            tasks.start_soon(multi_kernel.join, job, submit)
    assert submitted == [["main1", "sub1", "sub2"]]


@pytest.mark.anyio
async def test_all_kernels_get_the_reason_why_slurm_refuses(tmp_path):
    multi_kernel, told = MultiKernelJobs(), []

    async def submit(_jobs):
        raise EngineError("too many nodes")

    async def join(job):
        with pytest.raises(EngineError, match="too many nodes") as caught:
            await multi_kernel.join(job, submit)
        told.append(str(caught.value))

    async with anyio.create_task_group() as tasks:
        for job in kernels(tmp_path):
            tasks.start_soon(join, job)
    assert len(told) == 3


@pytest.mark.anyio
async def test_a_kernel_whose_partners_never_come_is_refused_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", 0.05)
    with pytest.raises(EngineError, match="were not started in time"):
        await MultiKernelJobs().join(kernels(tmp_path)[0], None)


def asked(*jobs):
    return set(options(jobs[0], Settings(), ""))


def test_each_kernel_has_a_node_or_all_have_one(tmp_path):
    spread = kernels(tmp_path, cpu=2, mem=64 * MIB)
    assert {"--nodes=3", "--ntasks-per-node=1", "--cpus-per-task=2", "--mem=64M"} <= asked(*spread)
    close = kernels(tmp_path, "single-node", cpu=2, mem=64 * MIB)
    assert {"--nodes=1", "--ntasks-per-node=3", "--cpus-per-task=2", "--mem=192M"} <= asked(*close)
    close = [
        evolve(job, terms=evolve(job.terms, slots={"cuda.device": Decimal(2)})) for job in close
    ]
    assert "--gres=gpu:6" in asked(*close)


@pytest.fixture
def node(tmp_path):
    """Run a script as on a node: with programs of a Slurm that has two of them."""
    programs = tmp_path / "bin"
    programs.mkdir()

    def put(name, text):
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)

    put("scontrol", r"printf 'n7\nn8\nn9\n'")
    put("getent", 'echo "10.0.0.${2#n} $2"')
    put("scancel", f'echo "$@" > {tmp_path}/cancelled')
    put("srun", f'echo "$@" >> {tmp_path}/steps; case "$*" in *k-main1*) exit 7;; esac')

    def run(script):
        environ = {
            "PATH": f"{programs}:/usr/bin:/bin",
            "SLURM_JOB_ID": "5",
            "SLURM_JOB_NODELIST": "n[7-9]",
        }
        return subprocess.run(["/bin/sh", "-c", script], env=environ).returncode

    return run


@pytest.mark.parametrize(
    ("mode", "places", "nodes"),
    [("multi-node", "120", ("n7", "n8", "n9")), ("single-node", "000", ("n7", "n7", "n7"))],
)
def test_the_script_places_each_kernel_and_names_all_nodes(node, tmp_path, mode, places, nodes):
    jobs = module.in_order(kernels(tmp_path, mode, cpu=1))
    for job in jobs:
        job.cwd.mkdir(parents=True)
    assert node(multi_kernel_script(jobs, Settings())) == 7
    steps = sorted(
        (tmp_path / "steps").read_text().splitlines(), key=lambda step: "k-main1" in step
    )
    relative = [step.partition("--relative=")[2][0] for step in steps]
    assert "".join(sorted(relative[:2])) + relative[2] == places
    assert (tmp_path / "cancelled").read_text() == "--signal=TERM 5\n"
    main, sub, other = nodes
    addresses = ",".join(
        f"{name}=10.0.0.{at[1:]}" for name, at in zip(("main1", "sub1", "sub2"), nodes, strict=True)
    )
    run = jobs[2].cwd
    assert (run / "environ").read_text().splitlines() == [
        f"ATOLL_CLUSTER_ADDRESSES={addresses}",
        f"HOSTALIASES={run / 'hosts'}",
    ]
    assert (run / "hosts").read_text() == f"main1 {main}\nsub1 {sub}\nsub2 {other}\n"


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("", []),
        ("n1", ["n1"]),
        ("n[1-3,07],gpu2", ["n1", "n2", "n3", "n07", "gpu2"]),
        ("x[08-11]-ib,y", ["x08-ib", "x09-ib", "x10-ib", "x11-ib", "y"]),
    ],
)
def test_lists_of_nodes_are_read(text, nodes):
    assert nodes_of(text) == nodes


def test_a_kernel_is_on_its_own_node_and_is_found_by_its_notes():
    running = Listed("5", "k", Running("n1"), None, "n[1,4]")
    member = Member.read({"job_id": "5", **Member("k", 1, True).notes()})
    assert member.seen(running).state == Running("n4")
    assert Member("k", 1, False).seen(running).state == Running("n1")
    assert member.seen(Listed("5", "k", Waiting("Resources"))).state == Waiting("Resources")
    assert Member.read({"job_id": "5"}) is None
