"""The calls that a line comes down to, made once the whole line is understood.

click calls callbacks while it reads a line, and closes files and other resources right after. Here
callbacks may be async, and nothing runs before the last word is understood. So what click calls
only notes a step, and :meth:`Steps.run` makes the calls afterwards: in the order in which click
would have made them, each with its own click context, which stays open until the last has ended.
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

_KEY = "atoll.steps"


@define(eq=False)
class Step:
    """One call of a callback. `values` go first, by place; a step among them stands for its result,
    and so does each step in a list of them.
    """

    context: click.Context
    callback: Callable[..., Any]
    values: tuple[Any, ...]
    arguments: Mapping[str, Any]
    result: Any = None

    async def call(self, first: object) -> None:
        """Call it, with `first` before all else if the callback takes that."""
        values = [result_of(value) for value in self.values]
        if takes(self.callback, first, *values, **self.arguments):
            values.insert(0, first)
        if inspect.iscoroutinefunction(self.callback):
            result = self.callback(*values, **self.arguments)
        else:
            # It may block, or be a decorator's wrapper around what is async.
            from atoll._threads import in_thread

            (result,) = await in_thread(self._call, values)
        self.result = await _within(self.context, result) if inspect.isawaitable(result) else result

    def _call(self, values: list[Any]) -> tuple[Any]:
        with self.context:
            return (self.callback(*values, **self.arguments),)


def takes(callback: Callable[..., Any], *values: object, **arguments: object) -> bool:
    """Whether a callback can be called so. What click's decorators pass comes before it all; of
    others' decorators, the wrapper is asked.
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
    """Return what the steps in a value have returned."""
    if isinstance(value, list):
        return [result_of(one) for one in value]
    return value.result if isinstance(value, Step) else value


@define
class Steps:
    """The steps of one line, and the click contexts that are kept open for them."""

    _steps: list[Step] = field(factory=list)
    _contexts: ExitStack = field(factory=ExitStack)
    _held: set[click.Context] = field(factory=set)
    _inheriting: set[click.Context] = field(factory=set)

    def begin(self, context: click.Context) -> None:
        """Note here what a line comes down to whose outermost context this is."""
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

    def keep(self) -> "Steps":
        """Return these steps, still open when this object is left."""
        return Steps(self._steps, self._contexts.pop_all(), self._held, self._inheriting)

    def add(self, step: Step) -> Step:
        """Note a step."""
        self._hold(step.context)
        self._steps.append(step)
        return step

    async def run(self, first: object) -> None:
        """Make the calls, one after the other; `first` is what callbacks take first."""
        for step in self._steps:
            self._inherit(step.context)
            await step.call(first)

    def _hold(self, context: click.Context) -> None:
        if context in self._held:
            return
        if context.parent is not None:
            self._hold(context.parent)
            if context.obj is context.parent.obj:
                self._inheriting.add(context)
        context.__enter__()  # it is left when all calls are done
        pop_context()
        self._contexts.push(partial(_close, context))
        self._held.add(context)

    def _inherit(self, context: click.Context) -> None:
        """Hand `obj` down, which the callback of a group above may have set meanwhile."""
        if context.parent is not None:
            self._inherit(context.parent)
            if context in self._inheriting:
                context.obj = context.parent.obj


def _close(context: click.Context, *error: Any) -> None:
    push_context(context)
    context.__exit__(*error)


def later(callback: Callable[..., Any]) -> Callable[..., Step]:
    """Return what click is to call in place of a callback: it notes a step for the line at hand."""

    def note(*values: Any, **arguments: Any) -> Step:
        context = click.get_current_context()
        steps: Steps = context.meta[_KEY]
        return steps.add(Step(context, callback, values, arguments))

    return note


@coroutine
def _within(context: click.Context, work: Awaitable[Any]) -> Generator[Any, Any, Any]:
    """Await something with a click context as the current one.

    click's current context belongs to the thread, where other commands run too: so it is set for
    each step that the coroutine makes, and taken back whenever that waits.
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
        except BaseException as error:  # noqa: BLE001  # it is the coroutine's to handle
            go_on = partial(steps.throw, error)
