"""How long a sweep holds on to a cluster; by a clock that jumps."""

import pytest
import trio
from trio.testing import MockClock

from atoll import Problem, Unreachable
from atoll.transport import ConnectionLost
from atoll_sessions.sweep.client import Client

FROZEN = Problem("frozen", status=503, type="server-frozen")
LIMIT = Problem("slower", status=429)
LOST = ConnectionLost("was lost")


class Outage:
    """A connection over which nothing can be done for so many seconds."""

    def __init__(self, error, seconds):
        self.error, self.until = error, trio.current_time() + seconds
        self.connected = 0

    async def connect(self):
        self.connected += 1
        return self

    async def action(self, _api):
        if trio.current_time() < self.until:
            raise self.error
        return "done"


def outlast(error, seconds, *, reached=True):
    """Call the API during an outage; returns what came of it, when, and what was told."""
    told = []

    async def main():
        client = Client(Outage(error, 0).connect, told.append)
        if reached:
            await client.call(Outage(error, 0).action)
        outage = Outage(error, seconds)
        client.connect = outage.connect
        began = trio.current_time()
        try:
            done = await client.call(outage.action)
        except (Problem, Unreachable) as raised:
            done = raised
        return done, round(trio.current_time() - began), told

    return trio.run(main, clock=MockClock(autojump_threshold=0))


@pytest.mark.parametrize(
    ("error", "seconds", "within"),
    [(LOST, 100, 108), (LIMIT, 900, 908), (Problem("busy", status=503), 60, 68)],
)
def test_an_outage_is_waited_for_and_told_once(error, seconds, within):
    done, took, told = outlast(error, seconds)
    assert (done, told) == ("done", [f"{error}; trying again"])
    assert seconds <= took <= within


@pytest.mark.parametrize(
    ("error", "reached", "most"),
    [(LOST, True, 120), (FROZEN, True, 0), (LOST, False, 0), (Problem("no", status=400), True, 0)],
)
def test_when_it_is_given_up(error, reached, most):
    done, took, _ = outlast(error, 1e6, reached=reached)
    assert done is error
    assert most - 8 <= took <= most


def test_after_a_failure_a_sweep_waits_no_more():
    async def main():
        client = Client(Outage(LOST, 0).connect, lambda _told: None)
        await client.call(Outage(LOST, 0).action)
        client.give_up()
        for error in (LOST, LIMIT):
            with pytest.raises(type(error)):
                await client.call(Outage(error, 50).action)
        return trio.current_time()

    began = trio.run(main, clock=MockClock(autojump_threshold=0))
    assert began < 1
