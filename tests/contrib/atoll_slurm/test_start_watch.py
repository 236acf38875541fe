"""That a kernel has started is seen in its folder, before Slurm is asked again."""

import time

import anyio
import pytest
from atoll_slurm.start_watch import StartWatch

from atoll_cluster.engines import Arrival, Site

pytestmark = pytest.mark.anyio
LONG = 600


@pytest.fixture
def site(tmp_path):
    for name in ("k1", "k2"):
        (tmp_path / name / "run").mkdir(parents=True)
    return Site(root=tmp_path)


async def test_a_kernel_that_begins_ends_the_waiting_once(site):
    start_watch = StartWatch(site)
    start_watch.submitted("k1")
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(start_watch.wait, anyio.Event(), LONG)
            (site.folder("k1") / "run/relay.json").write_text("{}")
    with anyio.move_on_after(0.3) as scope:
        await start_watch.wait(anyio.Event(), LONG)
    assert scope.cancelled_caught  # It has started, and is reported only once.


async def test_the_folder_of_a_kernel_that_reported_its_start_is_not_read(site):
    start_watch, told = StartWatch(site), Arrival("k1", "n1", 4711)
    (site.folder("k1") / "run/relay.json").write_text("{}")
    start_watch.submitted("k1")
    start_watch.arrived(told)
    start_watch.submitted("k1")  # Slurm may start a job before sbatch has told its id.
    with anyio.move_on_after(0.3) as scope:
        await start_watch.wait(anyio.Event(), LONG)
    assert scope.cancelled_caught
    assert start_watch.arrival("k1") == told
    assert start_watch.arrival("k1", since=time.monotonic()) is None
    start_watch.forget("k1")
    assert start_watch.arrival("k1") is None


async def test_an_event_ends_the_waiting(site):
    start_watch, event = StartWatch(site), anyio.Event()
    start_watch.submitted("k2")
    start_watch.submitted("no such kernel")
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(start_watch.wait, event, LONG)
            event.set()
        await start_watch.wait(anyio.Event(), 0.01)
