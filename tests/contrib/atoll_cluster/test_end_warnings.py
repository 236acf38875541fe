"""Sessions that their place will end are told in time, and told otherwise when that changes."""

import pytest
from tests.contrib.atoll_cluster.test_idleness import world  # noqa: F401 - a fixture

from atoll_cluster import clock
from atoll_cluster.scheduler.bus import Bus
from atoll_cluster.scheduler.end_warnings import EndWarnings

pytestmark = pytest.mark.anyio


class Kernel:
    def __init__(self):
        self.notes = []

    async def note(self, text):
        self.notes.append(text)


@pytest.fixture
def kernel(world):  # noqa: F811
    world.store.kernels.set_status("k1", "RUNNING", None)
    world.bus, kernel = Bus(), Kernel()
    world.running = {"k1": kernel}
    return kernel


def end_in(world, **time):  # noqa: F811
    now = world.now
    world.pass_by(**time)
    world.store.kernels.set_assignment("k1", "n1", "7", clock.stamp(world.now))
    world.now = now


def info(world):  # noqa: F811
    return world.store.sessions.get("s1").status_info


async def test_the_warning_before_the_end_is_sent_once(world, kernel):  # noqa: F811
    end_warnings = EndWarnings(world, lambda: world.now)
    end_in(world, minutes=6)
    await end_warnings.check()
    assert (kernel.notes, info(world)) == ([], None)
    world.pass_by(minutes=1)
    async with world.bus.listen() as events:
        await end_warnings.check()
        event = events.receive_nowait()
    assert (event.name, event.reason) == ("session_ending", "its time is up at 00:06 UTC")
    assert info(world) == "its time is up at 00:06 UTC"
    await end_warnings.check()
    await EndWarnings(world, lambda: world.now).check()
    assert kernel.notes == ["atoll: this session ends in 5 min: its time is up at 00:06 UTC"]


async def test_more_time_withdraws_the_warning(world, kernel):  # noqa: F811
    end_warnings = EndWarnings(world, lambda: world.now)
    end_in(world, minutes=3)
    await end_warnings.check()
    assert info(world)
    end_in(world, hours=2)
    await end_warnings.check()
    assert (info(world), len(kernel.notes)) == ("", 1)
