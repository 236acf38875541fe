"""What plugins want around a command: their invocations, and what their options do."""

import math
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import trio

from atoll._added import Given
from atoll._plugins import Origin, Provided, contained, drop
from atoll._records import Invocation
from atoll._streams import printing_as
from atoll._warnings import warn

if TYPE_CHECKING:
    from atoll._context import Context

_LIMIT = 5.0
"""Seconds that each may take before a command, and again after it."""

Manager = AbstractAsyncContextManager[Any]


class _Around(NamedTuple):
    """Something to enter before a command, and to leave after it; `name` says what it is."""

    name: str
    origin: Origin
    make: Callable[[], Manager]


def surroundings(
    context: "Context", invocations: Iterable[Provided[Invocation]], given: Iterable[Given]
) -> AbstractAsyncContextManager[None]:
    """Enter all that plugins want around the command of a context; what fails in it, or takes too
    long, costs a warning and never the command.
    """
    found = [
        _Around(f"invocation {one.record.name!r}", one.origin, partial(_invoke, one, context))
        for one in invocations
    ]
    for option in given:
        if option.provided.record.around and option.has_value:
            make = partial(_make, option, context)
            found.append(_Around(f"option {option.name!r}", option.provided.origin, make))
    return _all(found)


def _invoke(invocation: Provided[Invocation], context: "Context") -> Manager:
    made: Manager = invocation.load()(context)
    return made


def _make(option: Given, context: "Context") -> Manager:
    around = option.provided.load(option.provided.record.around or "")
    made: Manager = around(context, option.value)
    return made


@asynccontextmanager
async def _all(found: Sequence[_Around]) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for one in found:
            await stack.enter_async_context(_bounded(one))
        yield


@asynccontextmanager
async def _bounded(one: _Around) -> AsyncIterator[None]:
    """Enter one of them, and leave it with what the command has raised."""
    manager: Manager | None = None
    failure: BaseException | None = None
    # One scope for the whole: nurseries that are opened on the way in are closed on the way out.
    with trio.CancelScope(deadline=trio.current_time() + _LIMIT) as scope:
        manager = await _enter(one)
        scope.deadline = math.inf
        if manager is not None:
            try:
                yield
            except BaseException as error:  # noqa: BLE001  # raised again below
                failure = error
            # What was interrupted is to be noted, too.
            scope.deadline, scope.shield = trio.current_time() + _LIMIT, True
            await _leave(one, manager, failure)
    if scope.cancelled_caught:
        when = "after the command" if manager else "to begin"
        warn(f"{one.origin}: {one.name} took longer than {_LIMIT:g} s {when}")
    if failure is not None:
        raise failure
    if manager is None:
        yield


async def _enter(one: _Around) -> Manager | None:
    with printing_as(one.origin), contained(one.origin, one.name, warn):
        manager = one.make()
        if not hasattr(manager, "__aenter__"):
            drop(manager)
        await manager.__aenter__()
        return manager
    return None


async def _leave(one: _Around, manager: Manager, failure: BaseException | None) -> None:
    trace = failure.__traceback__ if failure else None
    with printing_as(one.origin), contained(one.origin, one.name, warn):
        try:
            await manager.__aexit__(type(failure) if failure else None, failure, trace)
        except BaseException as error:
            if not _holds_only(error, failure):
                raise


def _holds_only(error: BaseException, failure: BaseException | None) -> bool:
    """Whether an error is what the command has raised, maybe in the group of a nursery."""
    if isinstance(error, BaseExceptionGroup):
        return all(_holds_only(one, failure) for one in error.exceptions)
    return error is failure
