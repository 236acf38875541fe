"""The supervisor: every task of the program's life starts here, under a kind.

The kind says what an unexpected error costs, so that it never costs the program. Whatever it is, it
is logged with its traceback. A loop is begun again after a pause. Work on a session or a folder is
tried again if that may help; in the end the session becomes ERROR with the reason, and what was
left undone is put aside for a person (see `put_aside`). A database that is locked, or a full disk,
is nobody's fault: it is waited for.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import Enum
from typing import TypeVar

import anyio
from anyio.abc import TaskGroup
from attrs import frozen

from atoll_local.engine.contract import EngineError
from atoll_local.put_aside import ForAPerson, Item, PutAside
from atoll_local.store.errors import StoreUnavailable

_log = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[], Awaitable[object]]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0
"""Seconds between attempts; each pause is twice the one before."""
_LONG_ENOUGH = 60.0
"""Seconds after which a loop that fails is taken for one that had worked."""
_LONGEST_REASON = 300


class Cost(Enum):
    """What is lost when a task fails and trying again does not help."""

    A_WHILE = "nothing but time: it is begun again, for as long as the program lives"
    THE_SESSION = "the session, which becomes ERROR; what is still to be done is put aside"
    THE_ITEM = "the thing that it was for, which is put aside"
    THE_JOB = "what it was for, which is told that it failed"


@frozen
class Policy:
    """How failures of a kind of task are met; `doing` completes "a fault while …"."""

    doing: str
    cost: Cost
    attempts: int = 1
    """How often an unexpected error is met by trying again before it costs anything."""

    def passes_over(self, error: Exception) -> bool:
        """Say whether an error is no failure, but something to wait for."""
        return isinstance(error, StoreUnavailable) and self.cost is not Cost.THE_JOB

    def is_lost(self, error: Exception, failures: int) -> bool:
        """Say whether to give up after so many failures, the last one this error."""
        if self.cost is Cost.A_WHILE or self.passes_over(error):
            return False
        # What the engine says of a kernel, it would say again.
        return failures >= self.attempts or isinstance(error, EngineError | ForAPerson)


class Kind(Enum):
    """Every kind of task that is started beside the one that serves requests."""

    SIGNALS = Policy("waiting for signals", Cost.A_WHILE)
    METERING = Policy("measuring kernels", Cost.A_WHILE)
    CALLBACKS = Policy("gathering news for callbacks", Cost.A_WHILE)
    IDLENESS = Policy("looking for idle sessions", Cost.A_WHILE)
    QUEUE = Policy("looking at the queue", Cost.A_WHILE)
    ANNOUNCEMENT = Policy("telling where it answers", Cost.A_WHILE)
    USES = Policy("writing down what is used", Cost.A_WHILE)
    RECOVERY = Policy("finding it again", Cost.THE_SESSION, attempts=2)
    LAUNCH = Policy("starting it", Cost.THE_SESSION)
    STARTUP_COMMAND = Policy("running its command", Cost.THE_SESSION, attempts=2)
    WATCH = Policy("writing down its end", Cost.THE_SESSION, attempts=3)
    STOP = Policy("ending it", Cost.THE_SESSION, attempts=3)
    CLEAN_UP = Policy("deleting what was left over", Cost.THE_ITEM, attempts=2)
    DELIVERY = Policy("posting news to a callback", Cost.THE_JOB)
    RUN = Policy("reading what a run tells", Cost.THE_JOB)
    BACKGROUND = Policy("working in the background", Cost.THE_JOB)
    WARM_UP = Policy("looking over the machine", Cost.THE_JOB)


async def patiently(step: Callable[[], T]) -> T:
    """Do a step that needs the store, as soon as the store lets it be done."""
    for pause in _pauses():
        try:
            return step()
        except StoreUnavailable as error:
            _log.warning("the store must be waited for: %s", error)
        await anyio.sleep(pause)
    raise AssertionError


@asynccontextmanager
async def supervised(put_aside: PutAside) -> AsyncIterator["Supervisor"]:
    """Have a supervisor, whose tasks are cancelled at the end of the block."""
    async with anyio.create_task_group() as tasks:
        yield Supervisor(tasks, put_aside)
        tasks.cancel_scope.cancel()


class Supervisor:
    """Starts tasks and decides what becomes of what fails."""

    def __init__(self, tasks: TaskGroup, put_aside: PutAside) -> None:
        self._tasks = tasks
        self.put_aside = put_aside
        self.fail_session: Callable[[str, str], None] = lambda _session_id, _reason: None
        """Makes a session ERROR for a reason; set by who knows how."""

    def start(
        self,
        kind: Kind,
        work: Work,
        *,
        session: str = "",
        item: Item | None = None,
        on_failure: Callable[[str], None] | None = None,
    ) -> anyio.Event:
        """Start a task; returns an event that is set once it has ended, however it did.

        `session` and `item` are what it may cost; what is put aside is taken back when the task
        succeeds. `on_failure` is told the reason when all is lost.
        """
        if kind.value.cost is Cost.THE_SESSION and not session:
            raise TypeError(f"{kind.name} must say which session it may cost")
        ended = anyio.Event()

        async def supervise() -> None:
            try:
                reason = await self._see_through(kind, work, item or kind.name)
                if reason is not None:
                    await self._give_up(reason, session, item, on_failure)
                elif item is not None:
                    self.put_aside.remove(item)
            finally:
                ended.set()

        self._tasks.start_soon(supervise, name=f"{kind.name} {item or session}".strip())
        return ended

    @contextmanager
    def holding(self, kind: Kind, *, session: str = "", item: Item | None = None) -> Iterator[None]:
        """Let a fault in the block, which is about one thing of many, cost that thing alone.

        While the store is unavailable the task as a whole has to wait.
        """
        try:
            yield
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is about that thing
            reason = self._explain(kind, error, item or session or kind.name)
            self._tasks.start_soon(self._give_up, reason, session, item, None)

    def blame(self, session: str, reason: str) -> None:
        """Let a session bear the cost of what its kernel does; nobody else is at fault."""
        _log.warning("session %s is given up: %s", session, reason)
        self._tasks.start_soon(self._give_up, reason, session, None, None)

    async def _see_through(self, kind: Kind, work: Work, about: object) -> str | None:
        """Do the work, again and again if need be; return the reason if it can't be done."""
        policy, failures = kind.value, 0
        pauses = _pauses()
        while True:
            begin = anyio.current_time()
            try:
                await self.attempt(kind, work)
            except Exception as error:  # noqa: BLE001 - this is the place where all of them end
                failures += not policy.passes_over(error)
                reason = self._explain(kind, error, about)
                if policy.is_lost(error, failures):
                    return reason
            else:
                return None
            if anyio.current_time() - begin > _LONG_ENOUGH:
                pauses = _pauses()
            await anyio.sleep(next(pauses))

    async def attempt(self, kind: Kind, work: Work) -> None:  # noqa: ARG002 - for those who look on
        """Do the work once."""
        await work()

    def _explain(self, kind: Kind, error: Exception, about: object) -> str:
        """Log an error; return what its user is told."""
        if isinstance(error, EngineError | OSError | StoreUnavailable | ForAPerson):
            _log.warning("%s failed (%s): %s", kind.name, about, error)
            return _in_words(error)[:_LONGEST_REASON]
        _log.error("%s failed (%s)", kind.name, about, exc_info=error)
        what = f"{type(error).__name__}: {error}".removesuffix(": ")[:_LONGEST_REASON]
        return f"the cluster met a fault while {kind.value.doing} ({what}); its log tells more"

    async def _give_up(
        self,
        reason: str,
        session: str,
        item: Item | None,
        on_failure: Callable[[str], None] | None,
    ) -> None:
        """Let a failure cost what it may cost."""
        if item is not None:
            self.put_aside.add(item, reason)
        try:
            if on_failure is not None:
                on_failure(reason)
            if session:
                await patiently(lambda: self.fail_session(session, reason))
        except Exception as error:  # noqa: BLE001 - there is nothing left that it could cost
            _log.exception("session %s cannot be given up", session)
            if session:
                self.put_aside.add(Item("session", session), f"{reason}; {error}")


def _in_words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.strerror}: {error.filename}"
    return str(error)


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST_PAUSE)
