"""`rm`: terminates sessions."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click
import trio
from attrs import define, frozen

from atoll import AtollError, Context, Name, NotAuthorized
from atoll_sessions.owners import owner_option
from atoll_sessions.queries import destroy, find_session, get_session
from atoll_sessions.stats import tell_last_stats
from atoll_sessions.statuses import ENDING, STARTING

if TYPE_CHECKING:
    from atoll import Api

_NEEDS_FORCE = STARTING | {ENDING, "ERROR"}
_SILENCE = 2.0
"""Seconds after which the user is told what is waited for."""


@click.command()
@click.argument("sessions", nargs=-1, required=True, type=Name("session"))
@click.option("-f", "--forced", is_flag=True, help="Terminate sessions in any status.")
@owner_option("Sessions of another user.")
@click.option("-s", "--stats", is_flag=True, help="Show the resources that each session has used.")
@click.option(
    "-r", "--recursive", is_flag=True, help="Also terminate sessions that depend on them."
)
async def rm(
    context: Context,
    sessions: tuple[str, ...],
    forced: bool,
    owner: str | None,
    stats: bool,
    recursive: bool,
) -> int:
    """Terminate sessions, named by id, start of id, or name; a pending one is cancelled."""
    ending = _Ending(
        context, await context.connect(), owner, several=len(sessions) > 1, recursive=recursive
    )
    for one in await ending.find(sessions):
        last = await ending.end(one, forced=forced)
        if last is not None and stats:
            tell_last_stats(context, last)
    return ending.exit_code


@frozen
class _Found:
    reference: str
    id: str
    status: str = ""


@define
class _Ending:
    """Terminates sessions one by one; `exit_code` is that of the first failure."""

    context: Context
    api: "Api"
    owner: str | None
    several: bool
    recursive: bool
    exit_code: int = 0

    async def find(self, references: Sequence[str]) -> list[_Found]:
        """Find the sessions. Pending ones come first, since they could start if others were
        terminated before them.
        """
        found = []
        for reference in references:
            try:
                found.append(await self._find(reference))
            except AtollError as error:
                self._fail(reference, error)
        return sorted(found, key=lambda one: one.status != "PENDING")

    async def _find(self, reference: str) -> _Found:
        if self.owner:  # Only the cluster can find the sessions of another user.
            return _Found(reference, reference)
        session = await find_session(self.api, reference)
        return _Found(reference, session.id, session.status)

    async def end(self, one: _Found, *, forced: bool) -> Mapping[str, Any] | None:
        """Terminate a session; returns its last statistics, None if that fails."""
        try:
            last = await self._destroy(one, forced=forced)
        except NotAuthorized as error:
            self._fail(one.reference, await self._why_refused(one, error))
        except AtollError as error:
            self._fail(one.reference, error)
        else:
            status, others = last.get("status", "terminated"), last.get("others")
            more = ", and so is one that depends on it"
            if others and others > 1:
                more = f", and so are {others} that depend on it"
            message = f"session {one.reference} is {status}{more if others else ''}"
            self.context.output.done(message, official="Done.")
            return last
        return None

    async def _destroy(self, one: _Found, *, forced: bool) -> Mapping[str, Any]:
        """Terminate a session, and say what is waited for if that takes long."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._tell_wait, one)
            failure = None
            try:
                last: Mapping[str, Any] = await destroy(
                    self.api, one.id, forced=forced, recursive=self.recursive, owner=self.owner
                )
            except AtollError as error:  # A nursery would put it into a group.
                failure = error
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure
        return last

    async def _tell_wait(self, one: _Found) -> None:
        """After a while, say that the session is ending, and that this needs nobody to wait."""
        await trio.sleep(_SILENCE)
        with suppress(AtollError):
            if (await get_session(self.api, one.id, ["status"])).status == ENDING:
                self.context.output.note(
                    f"session {one.reference} is {ENDING}: waiting until its programs have ended"
                    " and its scheduler, such as Slurm, confirms it; it also ends if you leave"
                )

    async def _why_refused(self, one: _Found, error: AtollError) -> AtollError:
        """Return the reason of a refusal: the session can't be terminated at the moment, or belongs
        to somebody else.
        """
        if self.owner:
            return error
        status = (await get_session(self.api, one.id, ["status"])).status
        if status not in _NEEDS_FORCE:
            return error
        return AtollError(
            f"session {one.reference} is {status}", hint=f"atoll rm -f {one.reference} ends it"
        )

    def _fail(self, reference: str, error: AtollError) -> None:
        message = str(error)
        named = self.several and reference not in message
        self.context.output.warn(f"{reference}: {message}" if named else message)
        self.exit_code = self.exit_code or error.exit_code
