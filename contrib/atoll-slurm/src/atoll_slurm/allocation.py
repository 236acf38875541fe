"""A job that is held for the cases of a sweep, and the conversation with its holder."""

import json
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

import anyio
from anyio.abc import ByteStream
from anyio.streams.buffered import BufferedByteReceiveStream
from attrs import define, field

from atoll_cluster.engines import KernelGone
from atoll_slurm.holding import needed_time

HOLDER_SOCKET = "kernel.sock"
_SLACK = 5.0
"""Seconds that are left over for clocks that differ."""
_LONGEST_LINE = 2**20
_CLOSED = (
    OSError, anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream,
    anyio.IncompleteRead, anyio.DelimiterNotFound,
)  # fmt: skip


@define(eq=False)
class Conversation:
    """A connection to a holder, which carries lines of JSON; see `holder.py`."""

    _stream: ByteStream
    _answer: bool | None = None
    _answered: anyio.Event = field(factory=anyio.Event, init=False)

    async def say(self, **message: object) -> None:
        """Send a message; raises KernelGone if the connection is lost."""
        try:
            await self._stream.send(json.dumps(message).encode() + b"\n")
        except _CLOSED as error:
            raise KernelGone("the holder of the job has ended") from error

    async def ask(self, **request: object) -> bool:
        """Send a request to start a kernel; returns whether the holder accepts it.

        Somebody must read the `messages` meanwhile.
        """
        self._answer, self._answered = None, anyio.Event()
        try:
            await self.say(**request)
        except KernelGone:
            return False
        await self._answered.wait()
        return bool(self._answer)

    async def messages(self) -> AsyncGenerator[dict[str, Any]]:
        """Yield what the holder tells, until the connection is lost."""
        lines = BufferedByteReceiveStream(self._stream)
        try:
            while True:
                message = json.loads(await lines.receive_until(b"\n", _LONGEST_LINE))
                if message["event"] in {"accepted", "refused"}:
                    self._answer = message["event"] == "accepted"
                    self._answered.set()
                else:
                    yield message
        except _CLOSED:
            return
        finally:
            self._answered.set()
            with anyio.CancelScope(shield=True):
                await anyio.aclose_forcefully(self._stream)


@define(eq=False)
class Allocation:
    """A held job; it runs at most one kernel at a time.

    `series` is what its kernels have in common. `limit` is the time limit of each in seconds, if
    they have one, and `whole` are the seconds of the job. `is_ending` means that its kernel was
    asked to end, `by_job` that the end of the job has ended it. `ends` is when the job's time is
    up, as squeue prints it: without a zone.
    """

    id: str
    series: str
    limit: int | None = None
    job_id: str = ""
    kernel_id: str | None = None
    step: str = ""
    node: str = ""
    has_begun: bool = False
    is_ending: bool = False
    by_job: bool = False
    is_lost: bool = False
    is_followed: bool = False
    ends: datetime | None = None
    whole: float = 0.0
    kernel_ends: datetime | None = None
    talk: Conversation | None = None

    def has_time(self) -> bool:
        """Return whether there is enough time left for a further kernel."""
        if self.ends is None:
            return self.is_followed  # Slurm has told that the job has no time limit.
        left = (self.ends - datetime.now()).total_seconds()  # noqa: DTZ005 - Slurm's has no zone
        return left - _SLACK >= needed_time(self.limit, self.whole)

    def gets(self, kernel_id: str | None) -> None:
        """Note that this job runs a kernel from now on, or none."""
        self.kernel_id, self.step, self.kernel_ends = kernel_id, "", None
        self.has_begun = self.is_ending = False
