"""The task supervisor: starts every background task of the program, with a task kind.

The task kind says what happens after an unexpected error, so that no error ends the program. Each
error is logged with its traceback. A loop starts again after a pause. Work on a session or a folder
is tried again if this may help. If it still fails, the session becomes ERROR with the reason,
and the item is put aside for an administrator (see `put_aside`). While the database is locked or
the disk is full, tasks wait.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import Enum
from typing import TypeVar

import anyio
from anyio.abc import TaskGroup
from attrs import frozen

from atoll_cluster.engine.contract import EngineError
from atoll_cluster.put_aside import Item, NeedsAdmin, PutAside
from atoll_cluster.store.errors import StoreUnavailable

_log = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[], Awaitable[object]]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0
"""Seconds between attempts: the first and the longest pause; each is twice the one before."""
_STABLE_AFTER = 60.0
"""If a loop ran for so many seconds before it failed, the pauses start again with the first."""
_LONGEST_REASON = 300


class Consequence(Enum):
    """What happens if a task fails and retries do not help."""

    RETRIED = "the task is started again while the program runs"
    SESSION_FAILS = "its session becomes ERROR; the rest of the work is put aside"
    ITEM_PUT_ASIDE = "the item that it worked on is put aside"
    CALLER_TOLD = "the caller is told that the work failed"


@frozen
class FailurePolicy:
    """What to do when a task of this kind fails; `activity` completes "an error while …"."""

    activity: str
    consequence: Consequence
    attempts: int = 1
    """How many times the work is tried before the consequence follows."""

    def is_transient(self, error: Exception) -> bool:
        """Return whether an error is temporary; such an error does not count as a failure."""
        return (
            isinstance(error, StoreUnavailable) and self.consequence is not Consequence.CALLER_TOLD
        )

    def gives_up(self, error: Exception, failures: int) -> bool:
        """Return whether to stop trying after this number of failures; `error` is the last one."""
        if self.consequence is Consequence.RETRIED or self.is_transient(error):
            return False
        # After these errors, another attempt would fail in the same way.
        return failures >= self.attempts or isinstance(error, EngineError | NeedsAdmin)


class TaskKind(Enum):
    """The kinds of background tasks, each with its failure policy."""

    SIGNALS = FailurePolicy("waiting for signals", Consequence.RETRIED)
    METERING = FailurePolicy("measuring kernels", Consequence.RETRIED)
    CALLBACKS = FailurePolicy("gathering events for callbacks", Consequence.RETRIED)
    IDLENESS = FailurePolicy("checking for idle sessions", Consequence.RETRIED)
    ENDINGS = FailurePolicy("warning of the end of sessions", Consequence.RETRIED)
    QUEUE = FailurePolicy("scheduling the queue", Consequence.RETRIED)
    ANNOUNCEMENT = FailurePolicy("writing its address", Consequence.RETRIED)
    GROUPS = FailurePolicy("reading the groups of the engine", Consequence.RETRIED)
    USES = FailurePolicy("recording resource use", Consequence.RETRIED)
    RECOVERY = FailurePolicy("finding it again", Consequence.SESSION_FAILS, attempts=2)
    LAUNCH = FailurePolicy("starting it", Consequence.SESSION_FAILS)
    STARTUP_COMMAND = FailurePolicy("running its command", Consequence.SESSION_FAILS, attempts=2)
    WATCH = FailurePolicy("recording its end", Consequence.SESSION_FAILS, attempts=3)
    STOP = FailurePolicy("ending it", Consequence.SESSION_FAILS, attempts=3)
    CLEAN_UP = FailurePolicy("cleaning up", Consequence.ITEM_PUT_ASIDE, attempts=2)
    DELIVERY = FailurePolicy("posting events to a callback", Consequence.CALLER_TOLD)
    RUN = FailurePolicy("reading the events of a run", Consequence.CALLER_TOLD)
    BACKGROUND = FailurePolicy("working in the background", Consequence.CALLER_TOLD)
    WARM_UP = FailurePolicy("scanning the machine", Consequence.CALLER_TOLD)


async def retry_while_unavailable(step: Callable[[], T]) -> T:
    """Call `step` until it does not raise StoreUnavailable; returns its result."""
    for pause in _pauses():
        try:
            return step()
        except StoreUnavailable as error:
            _log.warning("waiting for the store: %s", error)
        await anyio.sleep(pause)
    raise AssertionError


@asynccontextmanager
async def supervised(put_aside: PutAside) -> AsyncIterator["TaskSupervisor"]:
    """Yield a supervisor; its tasks are cancelled at the end of the block."""
    async with anyio.create_task_group() as tasks:
        yield TaskSupervisor(tasks, put_aside)
        tasks.cancel_scope.cancel()


class TaskSupervisor:
    """Starts tasks, and decides what happens when they fail."""

    def __init__(self, tasks: TaskGroup, put_aside: PutAside) -> None:
        self._tasks = tasks
        self.put_aside = put_aside
        self.fail_session: Callable[[str, str], None] = lambda _session_id, _reason: None
        """Sets a session to ERROR, given its id and a reason; the scheduler assigns it."""

    def start(
        self,
        kind: TaskKind,
        work: Work,
        *,
        session: str = "",
        item: Item | None = None,
        on_failure: Callable[[str], None] | None = None,
    ) -> anyio.Event:
        """Start a task; returns an event that is set at its end.

        If the task fails permanently, `session` becomes ERROR, `item` is put aside, and
        `on_failure` is called with the reason. If it succeeds, `item` is no longer put aside.
        """
        if kind.value.consequence is Consequence.SESSION_FAILS and not session:
            raise TypeError(f"{kind.name} must say which session it may cost")
        ended = anyio.Event()

        async def supervise() -> None:
            try:
                reason = await self._run_until_done(kind, work, item or kind.name)
                if reason is not None:
                    await self._give_up(reason, session, item, on_failure)
                elif item is not None:
                    self.put_aside.remove(item)
            finally:
                ended.set()

        self._tasks.start_soon(supervise, name=f"{kind.name} {item or session}".strip())
        return ended

    @contextmanager
    def isolate_failure(
        self, kind: TaskKind, *, session: str = "", item: Item | None = None
    ) -> Iterator[None]:
        """Catch an error in the block, so that it affects only the session or item of the block.

        StoreUnavailable is not caught: then the whole task waits for the store.
        """
        try:
            yield
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - any error affects only that item
            reason = self._explain(kind, error, item or session or kind.name)
            self._tasks.start_soon(self._give_up, reason, session, item, None)

    def give_up_session(self, session: str, reason: str) -> None:
        """Set a session to ERROR because of an error of its kernel."""
        _log.warning("session %s becomes ERROR: %s", session, reason)
        self._tasks.start_soon(self._give_up, reason, session, None, None)

    async def _run_until_done(self, kind: TaskKind, work: Work, about: object) -> str | None:
        """Do the work with retries; return the reason of a permanent failure, or None."""
        policy, failures = kind.value, 0
        pauses = _pauses()
        while True:
            begin = anyio.current_time()
            try:
                await self.attempt(kind, work)
            except Exception as error:  # noqa: BLE001 - this is where all errors are handled
                failures += not policy.is_transient(error)
                reason = self._explain(kind, error, about)
                if policy.gives_up(error, failures):
                    return reason
            else:
                return None
            if anyio.current_time() - begin > _STABLE_AFTER:
                pauses = _pauses()
            await anyio.sleep(next(pauses))

    async def attempt(self, kind: TaskKind, work: Work) -> None:  # noqa: ARG002 - for tests
        """Do the work once."""
        await work()

    def _explain(self, kind: TaskKind, error: Exception, about: object) -> str:
        """Log an error; return the reason in a form for the user."""
        if isinstance(error, EngineError | OSError | StoreUnavailable | NeedsAdmin):
            _log.warning("%s failed (%s): %s", kind.name, about, error)
            return _describe(error)[:_LONGEST_REASON]
        _log.error("%s failed (%s)", kind.name, about, exc_info=error)
        what = f"{type(error).__name__}: {error}".removesuffix(": ")[:_LONGEST_REASON]
        while_ = f"while {kind.value.activity} ({what})"
        return f"the cluster had an unexpected error {while_}; its log has details"

    async def _give_up(
        self,
        reason: str,
        session: str,
        item: Item | None,
        on_failure: Callable[[str], None] | None,
    ) -> None:
        """Put the item aside, tell the caller, and set the session to ERROR."""
        if item is not None:
            self.put_aside.add(item, reason)
        try:
            if on_failure is not None:
                on_failure(reason)
            if session:
                await retry_while_unavailable(lambda: self.fail_session(session, reason))
        except Exception as error:  # noqa: BLE001 - nothing else can be done
            _log.exception("session %s cannot be set to ERROR", session)
            if session:
                self.put_aside.add(Item("session", session), f"{reason}; {error}")


def _describe(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.strerror}: {error.filename}"
    return str(error)


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST_PAUSE)
