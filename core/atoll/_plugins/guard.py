"""The guard around every call of a plugin's code.

A plugin may raise anything, also `sys.exit(5)` and BaseException; only the call fails then, with an
error that names the plugin. Only Ctrl-C and trio's cancellations pass, since they do not come from
the plugin.
"""

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from importlib import import_module
from types import TracebackType
from typing import Any

from atoll._errors import AtollError
from atoll._plugins.ctrl_c import may_be_ctrl_c
from atoll._plugins.origins import Origin, PluginError
from atoll._warnings import warn

_LONGEST = 300
"""The most characters of an error's text that are shown."""


class guarded:  # noqa: N801  # used as a function is, in `with`
    """Convert anything that a plugin raises into a PluginError; `doing` says why the plugin was
    called.

    An AtollError passes unchanged, since it is meant for the user, and so do errors of the classes
    in `passing`. Never yield inside the block, since exceptions that are thrown in there do not
    come from the plugin.
    """

    __slots__ = ("_doing", "_origin", "_passing")

    def __init__(
        self, origin: Origin, doing: str, *, passing: tuple[type[BaseException], ...] = ()
    ) -> None:
        self._origin = origin
        self._doing = doing
        self._passing: tuple[type[BaseException], ...] = (AtollError, *passing)

    def __enter__(self) -> None:
        return

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if error is None or isinstance(error, self._passing):
            return
        if _is_from_outside(error):
            _drop_others(error)
            return
        # A nursery puts even a single error into a group.
        if isinstance(single := _single(error), self._passing):
            raise single
        raise PluginError(self._origin, f"{self._doing} raised {describe(error)}") from error


class contained:  # noqa: N801  # as above
    """Suppress anything that a plugin raises, and print one warning."""

    __slots__ = ("_doing", "_origin", "_warn")

    def __init__(self, origin: Origin, doing: str, warn: Callable[[str], None]) -> None:
        self._origin = origin
        self._doing = doing
        self._warn = warn

    def __enter__(self) -> None:
        return

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> bool:
        if error is None:
            return False
        if _is_from_outside(error):
            _drop_others(error)
            return False
        if isinstance(error, PluginError):
            self._warn(error.message)
        else:
            self._warn(f"{self._origin}: {self._doing} raised {describe(error)}")
        return True


def _single(error: BaseException) -> BaseException:
    """Return the only error in a group, else the error itself."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _is_from_outside(error: BaseException) -> bool:
    """Whether an error comes from the user or from trio, through the plugin; a nursery of the
    plugin wraps it in a group.
    """
    if isinstance(error, BaseExceptionGroup):
        with suppress(RecursionError):
            return error.split(_is_single_from_outside)[1] is None
    return _is_single_from_outside(error)


def _drop_others(error: BaseException) -> None:
    """If tasks of the plugin have failed at the same time, raise only the error from outside, since
    the code that has cancelled them expects no failure.
    """
    if isinstance(error, BaseExceptionGroup):
        with suppress(RecursionError):
            outside, others = error.split(_is_leaf_from_outside)
            if outside is not None and others is not None:
                raise outside


def _is_leaf_from_outside(error: BaseException) -> bool:
    return not isinstance(error, BaseExceptionGroup) and _is_single_from_outside(error)


def _is_single_from_outside(error: BaseException) -> bool:
    trio = sys.modules.get("trio")
    if trio is not None and isinstance(error, trio.Cancelled):
        return True
    if isinstance(error, BaseExceptionGroup):
        # If one of several tasks was cancelled from outside, the errors of the others don't count.
        return any(map(_is_from_outside, error.exceptions))
    return isinstance(error, KeyboardInterrupt) and may_be_ctrl_c()


def describe(error: BaseException) -> str:
    """Return an error's name and text on one line of limited length."""
    if isinstance(error, BaseExceptionGroup):
        return describe(error.exceptions[0])
    try:
        text = " ".join(str(error).split())
    except BaseException:  # noqa: BLE001  # even its text is the plugin's
        text = ""
    name = type(error).__name__
    return f"{name}: {text[:_LONGEST]}" if text else name


def drop(made: object) -> None:
    """Discard a value that a plugin has made; a coroutine is closed, since Python would otherwise
    warn that nobody awaited it.
    """
    if inspect.iscoroutine(made):
        made.close()


def load_attribute(path: str, origin: Origin) -> Any:
    """Import what a record's `load` names; raises PluginError if that fails."""
    with guarded(origin, f"loading {path}"):
        module, _, attribute = path.partition(":")
        found = sys.modules.get(module)
        # sys.modules also contains a module that another thread is still importing.
        if not hasattr(found, attribute):
            with isolated(origin, f"importing {module}"):
                found = import_module(module)
        return getattr(found, attribute)


def isolated(
    origin: Origin,
    doing: str,
    warn: Callable[[str], None] = warn,
    *,
    descriptors: bool = False,
) -> AbstractContextManager[None]:
    """Keep a third party's code from changing the process; see :mod:`atoll._plugins.isolation`.
    That module is not imported for plugins that ship with atoll.
    """
    if origin.built_in:
        return nullcontext()
    from atoll._plugins import isolation

    return isolation.isolated(origin, doing, warn, descriptors=descriptors)


def culprit(error: BaseException, origins: Iterable[Origin]) -> Origin | None:
    """Return the plugin whose code was innermost when an error was raised; None if there was
    none.
    """
    packages = {_package(origin): origin for origin in origins}
    found = None
    for module in _modules(error):
        for package, origin in packages.items():
            if module == package or module.startswith(f"{package}."):
                found = origin
    return found


def _package(origin: Origin) -> str:
    """Return the package with a plugin's code; for a plugin in core's own package, which contains
    several plugins, its module.
    """
    top = origin.module.partition(".")[0]
    return origin.module if top == "atoll" else top


def _modules(error: BaseException) -> Iterator[str]:
    """Yield the names of the modules that an error has passed through, the innermost last."""
    traceback = error.__traceback__
    while traceback is not None:
        yield str(traceback.tb_frame.f_globals.get("__name__"))
        traceback = traceback.tb_next
    if isinstance(error, BaseExceptionGroup):
        yield from _modules(error.exceptions[0])
