"""Deferred calls: callbacks of a line's commands, called after the whole line has been parsed.

click calls callbacks while it parses a line, and closes files and other resources right after. Here
callbacks may be async, and nothing runs before the last word has been parsed. So click calls a
stand-in that only records the call, and :meth:`DeferredCalls.run` makes the calls afterwards: in
the order in which click would have made them, each with its own click context, which stays open
until the last call has ended.
"""

import inspect
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import ExitStack
from functools import partial
from types import TracebackType, coroutine
from typing import Any, Self

import click
from attrs import define, field
from click.globals import pop_context, push_context

_KEY = "atoll.deferred"


@define(eq=False)
class DeferredCall:
    """One call of a callback. `values` are its positional arguments; if a deferred call is among
    them, or in a list among them, its result is passed instead.
    """

    context: click.Context
    callback: Callable[..., Any]
    values: tuple[Any, ...]
    arguments: Mapping[str, Any]
    result: Any = None

    async def call(self, first: object) -> None:
        """Call the callback, with `first` as its first argument if it accepts one more."""
        values = [result_of(value) for value in self.values]
        if accepts(self.callback, first, *values, **self.arguments):
            values.insert(0, first)
        if inspect.iscoroutinefunction(self.callback):
            result = self.callback(*values, **self.arguments)
        else:
            # The callback may block, or be a decorator's wrapper around an async function.
            from atoll._threads import in_thread

            (result,) = await in_thread(self._call, values)
        self.result = await _within(self.context, result) if inspect.isawaitable(result) else result

    def _call(self, values: list[Any]) -> tuple[Any]:
        with self.context:
            return (self.callback(*values, **self.arguments),)


def accepts(callback: Callable[..., Any], *values: object, **arguments: object) -> bool:
    """Whether a callback accepts these arguments, in addition to those that click's own decorators
    pass first. For a callback in another decorator, the wrapper's signature counts.
    """
    passed: list[None] = []
    while getattr(callback, "__globals__", {}).get("__name__") == "click.decorators":
        callback = callback.__wrapped__  # type: ignore[attr-defined]  # as click's wrappers have it
        passed.append(None)
    try:
        inspect.signature(callback, follow_wrapped=False).bind(*passed, *values, **arguments)
    except (TypeError, ValueError):
        return False
    return True


def result_of(value: Any) -> Any:
    """Return a value with each deferred call in it replaced by its result."""
    if isinstance(value, list):
        return [result_of(one) for one in value]
    return value.result if isinstance(value, DeferredCall) else value


@define
class DeferredCalls:
    """The deferred calls of one line, and their click contexts, which stay open until the calls are
    made.
    """

    _calls: list[DeferredCall] = field(factory=list)
    _contexts: ExitStack = field(factory=ExitStack)
    _held: set[click.Context] = field(factory=set)
    _inheriting: set[click.Context] = field(factory=set)

    def begin(self, context: click.Context) -> None:
        """From now on, record the calls of the line whose outermost click context this is."""
        context.meta[_KEY] = self
        self._hold(context)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the contexts, the innermost first."""
        self._contexts.__exit__(kind, error, trace)

    def keep(self) -> "DeferredCalls":
        """Return an object with the same calls, whose contexts stay open when this object is
        left.
        """
        return DeferredCalls(self._calls, self._contexts.pop_all(), self._held, self._inheriting)

    def add(self, call: DeferredCall) -> DeferredCall:
        """Record a call."""
        self._hold(call.context)
        self._calls.append(call)
        return call

    def contexts(self) -> list[click.Context]:
        """Return the click contexts of the calls."""
        return [call.context for call in self._calls]

    async def run(self, first: object) -> None:
        """Make the calls, one after the other, each with `first` as its first argument."""
        for call in self._calls:
            self._inherit(call.context)
            await call.call(first)

    def _hold(self, context: click.Context) -> None:
        if context in self._held:
            return
        if context.parent is not None:
            self._hold(context.parent)
            if context.obj is context.parent.obj:
                self._inheriting.add(context)
        context.__enter__()  # it is closed when all calls are done
        pop_context()
        self._contexts.push(partial(_close, context))
        self._held.add(context)

    def _inherit(self, context: click.Context) -> None:
        """Copy `obj` from the outer contexts, since the callback of a group may have set it
        meanwhile.
        """
        if context.parent is not None:
            self._inherit(context.parent)
            if context in self._inheriting:
                context.obj = context.parent.obj


def _close(context: click.Context, *error: Any) -> None:
    push_context(context)
    context.__exit__(*error)


def deferred(callback: Callable[..., Any]) -> Callable[..., DeferredCall]:
    """Return a stand-in for a callback, which records the call instead of making it."""

    def record(*values: Any, **arguments: Any) -> DeferredCall:
        context = click.get_current_context()
        calls: DeferredCalls = context.meta[_KEY]
        return calls.add(DeferredCall(context, callback, values, arguments))

    return record


@coroutine
def _within(context: click.Context, work: Awaitable[Any]) -> Generator[Any, Any, Any]:
    """Await something with a click context as the current one.

    click's current context belongs to the thread, in which other commands run too. So the context
    is set for each step of the coroutine, and removed whenever the coroutine waits.
    """
    steps = work.__await__()
    go_on: Callable[[], Any] = partial(next, steps)
    while True:
        push_context(context)
        try:
            asked = go_on()
        except StopIteration as end:
            return end.value
        finally:
            pop_context()
        try:
            go_on = partial(steps.send, (yield asked))
        except BaseException as error:  # noqa: BLE001  # the coroutine handles it
            go_on = partial(steps.throw, error)
