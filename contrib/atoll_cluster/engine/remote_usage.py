"""Resource use of kernels on other machines, queried from their supervisors."""

from collections.abc import Sequence
from functools import partial

import anyio
from attrs import define, field

from .contract import EngineError, Usage
from .control import SUPERVISOR_SOCKET, Way, connect
from .launcher import Launcher

QUERY_INTERVAL = 30.0
"""Seconds until a kernel is asked again, because each question opens a connection to its node."""
MOST_AT_A_TIME = 8
ANSWER_TIMEOUT = 10.0
_LARGEST = 2**62


@define
class RemoteUsageMeter:
    """Measures kernels, and caches the answer of each kernel for a while."""

    _launcher: Launcher
    _usage: dict[str, Usage] = field(factory=dict)
    _asked_at: dict[str, float] = field(factory=dict)

    async def measure(self, kernel_ids: Sequence[str]) -> dict[str, Usage]:
        """Return the last known use of kernels, without kernels that have never answered."""
        due = [one for one in kernel_ids if self._is_due(one)]
        limit = anyio.CapacityLimiter(MOST_AT_A_TIME)
        async with anyio.create_task_group() as asking:
            for kernel_id in due:
                asking.start_soon(self._ask, kernel_id, limit)
        self._usage = {one: self._usage[one] for one in kernel_ids if one in self._usage}
        self._asked_at = {one: self._asked_at[one] for one in kernel_ids}
        return dict(self._usage)

    def _is_due(self, kernel_id: str) -> bool:
        last = self._asked_at.get(kernel_id)
        return last is None or anyio.current_time() > last + QUERY_INTERVAL

    async def _ask(self, kernel_id: str, limit: anyio.CapacityLimiter) -> None:
        async with limit:
            self._asked_at[kernel_id] = anyio.current_time()
            with anyio.move_on_after(ANSWER_TIMEOUT):
                try:
                    usage = await _read(partial(self._launcher.connect, kernel_id))
                except EngineError:
                    return
                self._usage[kernel_id] = usage


async def _read(way: Way) -> Usage:
    supervisor = await connect(way, name=SUPERVISOR_SOCKET)
    try:
        answer = await supervisor.receive()
    finally:
        await supervisor.aclose()
    return Usage(
        cpu_used=_figure(answer.get("cpu_used")),
        memory=_figure(answer.get("memory")),
        read=0,
        written=0,
    )


def _figure(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value <= _LARGEST else 0
