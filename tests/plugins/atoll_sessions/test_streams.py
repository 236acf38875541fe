"""Channels of sessions behind a web server, which does not tell when the cluster closes them."""

from contextlib import asynccontextmanager

import pytest
import trio
from attrs import define, field

from atoll import AtollError, Problem, Unreachable
from atoll.transport import ChannelClosed
from atoll_sessions.model import Session
from atoll_sessions.streams import open_stream


@define
class Silent:
    """A channel on which nothing ever comes."""

    closed: trio.Event = field(factory=trio.Event)

    async def receive(self):
        await self.closed.wait()
        raise ChannelClosed(1000, "", clean=True)

    async def aclose(self):
        self.closed.set()


@define
class Api:
    """Opens that channel, and tells one status after the other, or raises."""

    statuses: list
    login: object = "a login"
    refusal: Exception | None = None

    @asynccontextmanager
    async def open(self, _path):
        if self.refusal:
            raise self.refusal
        yield Silent()

    async def gql(self, *_words, **_how):
        status = self.statuses.pop(0)
        if isinstance(status, Exception):
            raise status
        return {"compute_session": status and Session(id="s", status=status)}


@pytest.mark.parametrize("last", ["TERMINATING", "TERMINATED", "CANCELLED", None])
async def test_the_channel_closes_when_the_session_ends(autojump_clock, last):
    """An answer that fails to come tells nothing of it."""
    api = Api(["RUNNING", Unreachable("away"), "RUNNING", last])
    async with open_stream(api, "s", "pty") as channel:
        with pytest.raises(ChannelClosed):
            await channel.receive()
    assert api.statuses == []


async def test_where_keypairs_sign_the_session_is_not_looked_at(autojump_clock):
    async with open_stream(Api([], login=None), "s", "pty") as channel:
        with trio.move_on_after(3600) as scope:
            await channel.receive()
    assert scope.cancelled_caught


async def test_what_goes_wrong_within_comes_out_as_it_is():
    with pytest.raises(LookupError):
        async with open_stream(Api(["RUNNING"]), "s", "pty"):
            raise LookupError


@pytest.mark.parametrize(
    ("kind", "error"), [("bad-gateway", AtollError), ("object-not-found", Problem)]
)
async def test_a_channel_that_is_refused(kind, error):
    api = Api([], refusal=Problem("no", status=502, type=kind))
    with pytest.raises(AtollError) as raised:
        async with open_stream(api, "s", "pty"):
            raise AssertionError
    assert type(raised.value) is error
