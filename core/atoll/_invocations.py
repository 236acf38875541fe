"""Context managers of plugins that are entered around a command: invocations and added options."""

import math
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import trio

from atoll._added_options import GivenOption
from atoll._plugins import Origin, Provided, contained, drop
from atoll._records import Invocation
from atoll._streams import printing_as
from atoll._warnings import warn

if TYPE_CHECKING:
    from atoll._context import Context

_LIMIT = 5.0
"""Seconds that each of them may take before a command, and again after it."""

Manager = AbstractAsyncContextManager[Any]


class _Entry(NamedTuple):
    """A context manager to make and enter before a command; `name` is for warnings about it."""

    name: str
    origin: Origin
    make: Callable[[], Manager]


def plugin_contexts(
    context: "Context", invocations: Iterable[Provided[Invocation]], given: Iterable[GivenOption]
) -> AbstractAsyncContextManager[None]:
    """Return a context manager that enters those of all plugins around a command.

    If one fails or takes too long, a warning is printed; the command runs nevertheless.
    """
    found = [
        _Entry(f"invocation {one.record.name!r}", one.origin, partial(_invoke, one, context))
        for one in invocations
    ]
    for option in given:
        if option.provided.record.around and option.has_value:
            make = partial(_make, option, context)
            found.append(_Entry(f"option {option.name!r}", option.provided.origin, make))
    return _all(found)


def _invoke(invocation: Provided[Invocation], context: "Context") -> Manager:
    made: Manager = invocation.load()(context)
    return made


def _make(option: GivenOption, context: "Context") -> Manager:
    around = option.provided.load(option.provided.record.around or "")
    made: Manager = around(context, option.value)
    return made


@asynccontextmanager
async def _all(found: Sequence[_Entry]) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for one in found:
            await stack.enter_async_context(_bounded(one))
        yield


@asynccontextmanager
async def _bounded(one: _Entry) -> AsyncIterator[None]:
    """Enter one of them, and leave it with the exception that the command has raised, if any."""
    manager: Manager | None = None
    failure: BaseException | None = None
    # One cancel scope surrounds both steps, since nurseries that are opened on entering are closed
    # on leaving.
    with trio.CancelScope(deadline=trio.current_time() + _LIMIT) as scope:
        manager = await _enter(one)
        scope.deadline = math.inf
        if manager is not None:
            try:
                yield
            except BaseException as error:  # noqa: BLE001  # raised again below
                failure = error
            # If it was interrupted, this is recorded, too.
            scope.deadline, scope.shield = trio.current_time() + _LIMIT, True
            await _leave(one, manager, failure)
    if scope.cancelled_caught:
        when = "after the command" if manager else "to begin"
        warn(f"{one.origin}: {one.name} took longer than {_LIMIT:g} s {when}")
    if failure is not None:
        raise failure
    if manager is None:
        yield


async def _enter(one: _Entry) -> Manager | None:
    with printing_as(one.origin), contained(one.origin, one.name, warn):
        manager = one.make()
        if not hasattr(manager, "__aenter__"):
            drop(manager)
        await manager.__aenter__()
        return manager
    return None


async def _leave(one: _Entry, manager: Manager, failure: BaseException | None) -> None:
    trace = failure.__traceback__ if failure else None
    with printing_as(one.origin), contained(one.origin, one.name, warn):
        try:
            await manager.__aexit__(type(failure) if failure else None, failure, trace)
        except BaseException as error:
            if not _holds_only(error, failure):
                raise


def _holds_only(error: BaseException, failure: BaseException | None) -> bool:
    """Whether an error is the one that the command has raised, or a group that contains only
    that.
    """
    if isinstance(error, BaseExceptionGroup):
        return all(_holds_only(one, failure) for one in error.exceptions)
    return error is failure
