"""One case: starts a session, sends files and code, records the result, and removes the session.

Three requests if all goes well, four with files: create, execute, destroy.
"""

import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import IO, TYPE_CHECKING, cast

import trio
from attrs import Factory, define, evolve

from atoll import AtollError, Context, ExitCode, NotAuthorized, NotFound, Problem, Unreachable
from atoll.outages import Backoff, is_permanent
from atoll_sessions.creation import Created, create_session
from atoll_sessions.files import upload
from atoll_sessions.sweep.capacity import Capacity
from atoll_sessions.sweep.client import Client
from atoll_sessions.sweep.journal import Journal
from atoll_sessions.sweep.plan import Case, Plan
from atoll_sessions.sweep.polling import NeverRan, Run
from atoll_sessions.sweep.progress import CaseState
from atoll_sessions.sweep.report import Report
from atoll_sessions.sweep.sessions import end_session, own_sessions
from atoll_sessions.termination import terminate

if TYPE_CHECKING:
    from atoll import Api
    from atoll.transport import Part

_ATTEMPTS = 3
_REMOVAL = 30.0
"""Seconds that the removal of a session may take after everything else has been cancelled."""
_FULL = {"quota-exceeded", "instance-not-available"}
_FULL_CLUSTER = Backoff(first=0.5, longest=15.0)
"""How often a session is requested again while the cluster is full."""


class StopSweep(Exception):
    """A failure that every other case would have too; `__cause__` is the error."""


@define
class CaseRunner:
    """Runs cases of one sweep, any number at a time."""

    context: Context
    plan: Plan
    files: "Sequence[Part]"
    journal: Journal
    client: Client
    report: Report
    capacity: Capacity
    _removals: set[trio.CancelScope] = Factory(set)

    async def run(self, case: Case) -> None:
        """Run a case to its end, whether it succeeds or fails. Raises StopSweep."""
        began = trio.current_time()
        self.journal.start(case.number, case.request.name)
        async with self._removal(case):
            try:
                exit_code, error = await self._attempts(case), ""
            except AtollError as refusal:
                if self._affects_all_cases(refusal):
                    raise StopSweep from refusal
                exit_code, error = None, str(refusal)
            # The end is recorded before the session is removed: whoever sees that the session is
            # gone can then read how the case ended.
            self.journal.end(case.number, exit_code, error, trio.current_time() - began)
            self.report.ended(case, self._state(case))

    def _state(self, case: Case) -> CaseState:
        return self.journal.progress.state(case.number)

    def _affects_all_cases(self, refusal: AtollError) -> bool:
        if isinstance(refusal, Unreachable | NotAuthorized) or is_permanent(refusal):
            return True
        # The sweep never had a session, so the cluster has refused the request for one.
        refused = isinstance(refusal, Problem | NotFound)
        return refused and not self.journal.progress.sessions

    async def _attempts(self, case: Case) -> int:
        for _ in range(_ATTEMPTS):
            created = await self._session(case)
            self.journal.session(case.number, created.id)
            await self.client.call(partial(upload, session_id=created.id, parts=self.files))
            self.report.started(case)
            show, keep = partial(self.report.output, case), partial(self.report.keep, case)
            run = Run(self.client, created.id, show, keep)
            try:
                return await run.follow(case.code)
            except NeverRan:
                continue
        raise AtollError(f"the cluster lost the run {_ATTEMPTS} times")

    async def _session(self, case: Case) -> Created:
        created = await self._created(case)
        if created.served_by and ":" in self.plan.request.image:
            self.report.say_once(f"{self.plan.request.image} is served by {created.served_by}")
        if created.status == "TIMEOUT":
            raise AtollError(f"its session has not started in {case.request.max_wait} s")
        if created.failed:
            raise created.failure()
        if created.trouble:
            what = f"the preparation of its session has failed: {created.trouble}"
            if case.request.strict:
                raise AtollError(what)
            self.report.warn(f"{case.label} {what}")
        return created

    async def _created(self, case: Case) -> Created:
        """Create the session, waiting while the cluster is full."""
        pauses = _FULL_CLUSTER.pauses()
        while True:
            try:
                return await self.client.call(lambda api: self._create(api, case))
            except Problem as problem:
                if problem.type not in _FULL:
                    raise
                self.report.waits(case, str(problem))
            await self.capacity.wait_for_room(case.number, pauses.next())

    async def _create(self, api: "Api", case: Case) -> Created:
        remarks = cast("IO[str]", _Remarks(self.report, case))
        quiet = evolve(self.context, output=evolve(self.context.output, stderr=remarks))
        try:
            return await create_session(quiet, api, case.request, stays=False)
        except Problem as problem:
            if problem.type != "session-already-exists":
                raise
        if not await self._clear(api, case):
            raise AtollError(
                f"session {case.request.name} exists and does not belong to this sweep"
            )
        return await create_session(quiet, api, case.request, stays=False)

    async def _clear(self, api: "Api", case: Case) -> bool:
        """Terminate the session that an earlier attempt has left; returns False if the session
        belongs to somebody else, or does not exist.
        """
        found = await own_sessions(api, self.plan, case.request.name)
        for session in found:
            await end_session(api, session.id)
        return bool(found)

    @asynccontextmanager
    async def _removal(self, case: Case) -> AsyncIterator[None]:
        """Remove the session at the end if the sweep's sessions are to be removed, or if nothing
        ran in it.
        """
        try:
            yield
        finally:
            if self.plan.remove or not self._state(case).session_id:
                await self._remove_in_time(case)
            self.capacity.session_ended()

    async def _remove_in_time(self, case: Case) -> None:
        # A session must not stay alive after Ctrl-C, and a cluster that does not answer must not
        # block the sweep for ever.
        deadline = trio.current_time() + _REMOVAL
        with trio.CancelScope(shield=True, deadline=deadline) as scope:
            self._removals.add(scope)
            await self._remove(case)
        self._removals.discard(scope)
        if scope.cancelled_caught:
            self.report.warn(f"session {case.request.name} may still exist")

    def stop_waiting(self) -> None:
        """Stop waiting for sessions that are being removed."""
        for scope in self._removals:
            scope.cancel()

    async def _remove(self, case: Case) -> None:
        session_id = self._state(case).session_id
        try:
            if session_id:
                await self.client.call(partial(terminate, session=session_id))
            else:
                # The cluster may have created the session although its answer did not arrive.
                await self.client.call(lambda api: self._clear(api, case))
        except AtollError as error:
            if error.exit_code not in (ExitCode.NOT_FOUND, ExitCode.UNREACHABLE):
                self.report.warn(f"session {case.request.name} could not be terminated: {error}")


class _Remarks(io.TextIOBase):
    """Turns remarks about the start of a session into remarks about its case."""

    def __init__(self, report: Report, case: Case) -> None:
        super().__init__()
        self._report, self._case = report, case

    def write(self, text: str) -> int:
        """Pass a remark on to the report."""
        self._report.waits(self._case, text.strip())
        return len(text)
