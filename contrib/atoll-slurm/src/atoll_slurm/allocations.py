"""Jobs that are held for the cases of a sweep: who uses them, and what their holders tell."""

import logging
import shutil
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import ByteStream, TaskGroup
from attrs import define, field

from atoll_cluster.engines import Ended, KernelGone, Running, Site, State, Waiting
from atoll_slurm.allocation import Allocation, Conversation
from atoll_slurm.options import NOTICE
from atoll_slurm.queue import Listed

_log = logging.getLogger(__name__)

FOLDER = ".allocations"
"""The folder of held jobs, beside the folders of kernels; no kernel can have this name."""
_BEGUN = "supervisor.json"
_RETRY = 1.0
"""Seconds after which a lost connection to a holder is tried again."""
_LONGEST_WAIT = 30.0
"""Seconds that a kernel waits for the end of the one before, before it gets a job of its own."""
_ANSWER = 10.0
"""Seconds in which a holder must accept a kernel."""
_LEAVING = 10.0
"""Seconds after which the folder of a job that was given up is deleted."""


@define
class Allocations:
    """All held jobs of this cluster, by their ids.

    `tell` stores the state of a kernel; with None, Slurm is to be asked for it. `connect` connects
    to a holder, and raises KernelGone.
    """

    site: Site
    tell: Callable[[str, State | None], None]
    connect: Callable[[Allocation], Awaitable[ByteStream]]
    tasks: TaskGroup | None = None
    _all: dict[str, Allocation] = field(factory=dict, init=False)
    _users: dict[str, Allocation] = field(factory=dict, init=False)
    """The held jobs of kernels, by the ids of kernels."""
    _queue: list[object] = field(factory=list, init=False)
    _change: anyio.Event = field(factory=anyio.Event, init=False)

    def of(self, kernel_id: str) -> Allocation | None:
        """Return the held job that runs a kernel, None if the kernel has a job of its own."""
        found = self._users.get(kernel_id)
        return found if found and found.kernel_id == kernel_id else None

    async def add(self, one: Allocation, first: Mapping[str, Any]) -> None:
        """Add a job that is to be submitted for its first kernel."""
        await anyio.to_thread.run_sync(self._write, one, first)
        self._use(one, str(first["kernel"]))

    async def recall(self, allocation_id: str, kernel_id: str) -> None:
        """Find a held job of an earlier cluster program, which runs a kernel; others are none."""
        notes = await anyio.to_thread.run_sync(self._read, allocation_id)
        if allocation_id not in self._all and notes["request"].get("kernel") == kernel_id:
            self._use(Allocation(allocation_id, notes["series"], notes["limit"]), kernel_id)

    def _use(self, one: Allocation, kernel_id: str) -> None:
        self._all[one.id] = self._users[kernel_id] = one
        one.gets(kernel_id)

    async def take(self, series: str, kernel_id: str) -> Allocation | None:
        """Return a held job that a kernel of a series may use now; None if there is none.

        If a kernel of the series is ending, this waits for the end, so that there are never more
        jobs than kernels of the series at a time.
        """
        ticket = object()
        self._queue.append(ticket)
        try:
            with anyio.move_on_after(_LONGEST_WAIT):
                while True:
                    if idle := self._idle(series):
                        self._use(idle, kernel_id)
                        return idle
                    ending = [one for one in self._of(series) if one.is_ending]
                    if self._queue.index(ticket) >= len(ending):
                        return None
                    await self._change.wait()
        finally:
            self._queue.remove(ticket)
        return None

    def _of(self, series: str) -> list[Allocation]:
        return [one for one in self._all.values() if one.series == series and not one.is_lost]

    def _idle(self, series: str) -> Allocation | None:
        """Return a held job without a kernel; let those go that have no time for another one."""
        for one in self._of(series):
            if one.kernel_id is None and one.talk is not None:
                if one.has_time():
                    return one
                self.drop(one)
        return None

    async def hand(self, one: Allocation, request: Mapping[str, Any]) -> bool:
        """Have a holder start a kernel; returns False if it has left, or does not answer."""
        await anyio.to_thread.run_sync(self._write, one, request)
        if one.talk is not None:
            with anyio.move_on_after(_ANSWER):
                if await one.talk.ask(**request):
                    return True
        return False

    async def end(self, one: Allocation, grace: float) -> None:
        """Ask a holder to end its kernel, if the holder can be reached."""
        if one.talk is not None:
            with suppress(KernelGone):
                await one.talk.say(op="end", kernel=one.kernel_id, grace=grace)

    def drop(self, one: Allocation) -> None:
        """Give a held job up: its holder leaves when its kernel has ended."""
        one.is_lost = True
        self._all.pop(one.id, None)
        if self.tasks is not None:
            self.tasks.start_soon(self._clear, one)
        self._changed()

    def is_told(self, kernel_id: str) -> bool:
        """Return whether the end of a kernel will be told by its holder, or by Slurm."""
        one = self.of(kernel_id)
        return one is not None and (one.talk is not None or one.by_job)

    def glance(self, kernel_ids: Iterable[str]) -> None:
        """Look in the folders of kernels whose holders cannot be reached whether they have begun.

        This blocks, so it must run in a thread.
        """
        for one in filter(None, map(self.of, kernel_ids)):
            if not one.has_begun and one.talk is None and one.kernel_id:
                one.has_begun = _has_begun(self.site.folder(one.kernel_id))

    def seen(self, kernel_id: str, listed: Listed) -> None:
        """Note what Slurm tells of the job of a kernel."""
        if (one := self.of(kernel_id)) is None:
            return
        one.job_id, one.ends = listed.job_id, listed.ends or one.ends
        if isinstance(listed.state, Running) and not listed.is_leaving:
            one.node = one.node or listed.state.node
            if one.ends and not one.whole:
                one.whole = (one.ends - datetime.now()).total_seconds()  # noqa: DTZ005
            if not one.is_followed and self.tasks is not None:
                one.is_followed = True
                self.tasks.start_soon(self._follow, one)

    def state(self, kernel_id: str, of_job: State) -> State:
        """Return the state of a kernel; `of_job` is the state of its job."""
        if (one := self.of(kernel_id)) is None:
            return of_job
        if isinstance(of_job, Ended):
            self.drop(one)
        if not isinstance(of_job, Running):
            return of_job
        return self._running(one) if one.has_begun else Waiting(engine_id=one.job_id)

    def _running(self, one: Allocation) -> State:
        engine_id = f"{one.job_id}.{one.step}" if one.step else one.job_id
        job_ends = one.ends.astimezone() if one.ends else None
        known = [at for at in (one.kernel_ends, job_ends) if at]
        return Running(one.node, engine_id, min(known, default=None))

    async def _follow(self, one: Allocation) -> None:
        """Stay connected to a holder until its job ends."""
        while not one.is_lost:
            try:
                one.talk = Conversation(await self.connect(one))
                async with aclosing(one.talk.messages()) as messages:
                    async for message in messages:
                        await self._hear(one, message)
            except KernelGone:
                pass
            except Exception:  # noqa: BLE001 - what a holder sends must not end the cluster
                _log.exception("a held job has sent something strange")
            finally:
                one.talk = None
            if one.kernel_id is None and not one.is_lost:
                self.drop(one)
            self._changed()
            await anyio.sleep(_RETRY)

    async def _hear(self, one: Allocation, message: Mapping[str, Any]) -> None:
        what, kernel_id = message["event"], message["kernel"]
        if what == "holds":
            await self._compare(one, message)
        elif kernel_id == one.kernel_id and what == "began":
            self._began(one, message)
        elif kernel_id == one.kernel_id and what == "ended":
            self._ended(one, message)

    async def _compare(self, one: Allocation, message: Mapping[str, Any]) -> None:
        """Learn what has happened before the connection."""
        one.node = str(message["node"]) or one.node
        ended = message["ended"] or {}
        if message["kernel"] == one.kernel_id:
            if message["step"] is not None:
                self._began(one, message)
        elif ended.get("kernel") == one.kernel_id:
            self._ended(one, ended)
        elif one.talk is not None:
            # An earlier cluster program was killed before it could send the request.
            request = (await anyio.to_thread.run_sync(self._read, one.id))["request"]
            if request.get("kernel") == one.kernel_id:
                await one.talk.say(**request)

    def _began(self, one: Allocation, message: Mapping[str, Any]) -> None:
        one.has_begun, one.step = True, str(message["step"])
        if isinstance(left := message.get("left"), int | float):
            one.kernel_ends = datetime.now(UTC) + timedelta(seconds=left + NOTICE)
        if one.kernel_id:
            self.tell(one.kernel_id, self._running(one))

    def _ended(self, one: Allocation, message: Mapping[str, Any]) -> None:
        """Note the end of a kernel; if the job has ended it, Slurm tells the reason."""
        kernel_id, has_begun = one.kernel_id, one.has_begun
        if kernel_id is None:
            return
        if message["by_job"]:
            one.by_job = True
            self.tell(kernel_id, None)
            return
        said = None if has_begun else message["said"] or None
        one.gets(None)
        self._users.pop(kernel_id, None)
        self.tell(kernel_id, Ended(message["reason"] or said))
        self._changed()

    def _changed(self) -> None:
        self._change.set()
        self._change = anyio.Event()

    def _write(self, one: Allocation, request: Mapping[str, Any]) -> None:
        run = self.folder(one.id) / "run"
        run.mkdir(mode=0o700, parents=True, exist_ok=True)
        notes = {"series": one.series, "limit": one.limit, "request": request}
        self.site.remember(f"{FOLDER}/{one.id}", notes)

    def _read(self, allocation_id: str) -> Mapping[str, Any]:
        return self.site.recall(f"{FOLDER}/{allocation_id}") or {"request": {}}

    def name(self, one: Allocation) -> str:
        """Return the name of the folder of a held job, as `Site` has those of kernels."""
        return f"{FOLDER}/{one.id}"

    def folder(self, allocation_id: str) -> Path:
        """Return the folder of a held job."""
        return self.site.folder(f"{FOLDER}/{allocation_id}")

    async def _clear(self, one: Allocation) -> None:
        """Let a holder go, and delete the folder of its job."""
        if one.talk is not None:
            with suppress(KernelGone):
                await one.talk.say(op="leave")
        await anyio.sleep(_LEAVING)
        await anyio.to_thread.run_sync(self._delete, self.folder(one.id))

    def tidy(self, listed: Collection[str]) -> None:
        """Delete the folders of jobs of earlier programs that Slurm does not list any more."""
        with suppress(OSError):
            for folder in (self.site.root / FOLDER).iterdir():
                if folder.name not in listed and folder.name not in self._all:
                    self._delete(folder)

    def _delete(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)


def _has_begun(folder: Path) -> bool:
    try:
        return any(one.name == _BEGUN for one in (folder / "run").iterdir())
    except OSError:
        return False
