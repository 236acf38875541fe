"""That a kernel has begun is seen in its folder, before Slurm is asked again."""

import time

import anyio
import pytest
from atoll_slurm.beginnings import Beginnings

from atoll_cluster.engines import Arrival, Site

pytestmark = pytest.mark.anyio
LONG = 600


@pytest.fixture
def site(tmp_path):
    for name in ("k1", "k2"):
        (tmp_path / name / "run").mkdir(parents=True)
    return Site(root=tmp_path)


async def test_a_kernel_that_begins_ends_the_waiting_once(site):
    beginnings = Beginnings(site)
    beginnings.submitted("k1")
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(beginnings.wait, anyio.Event(), LONG)
            (site.folder("k1") / "run/relay.json").write_text("{}")
    with anyio.move_on_after(0.3) as scope:
        await beginnings.wait(anyio.Event(), LONG)
    assert scope.cancelled_caught  # It has begun, and is no news any more.


async def test_the_folder_of_a_kernel_that_told_is_not_read(site):
    beginnings, told = Beginnings(site), Arrival("k1", "n1", 4711)
    (site.folder("k1") / "run/relay.json").write_text("{}")
    beginnings.submitted("k1")
    beginnings.arrived(told)
    beginnings.submitted("k1")  # Slurm may start a job before sbatch has told its id.
    with anyio.move_on_after(0.3) as scope:
        await beginnings.wait(anyio.Event(), LONG)
    assert scope.cancelled_caught
    assert beginnings.arrival("k1") == told
    assert beginnings.arrival("k1", since=time.monotonic()) is None
    beginnings.forget("k1")
    assert beginnings.arrival("k1") is None


async def test_an_event_ends_the_waiting(site):
    beginnings, event = Beginnings(site), anyio.Event()
    beginnings.submitted("k2")
    beginnings.submitted("no such kernel")
    with anyio.fail_after(60):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(beginnings.wait, event, LONG)
            event.set()
        await beginnings.wait(anyio.Event(), 0.01)
