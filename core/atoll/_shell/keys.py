"""The keys of the prompt: converts records of plugins to key bindings of prompt_toolkit."""

import inspect
import time
from collections.abc import Callable, Iterator

from attrs import define, field
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import has_focus
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys as KnownKeys

from atoll._key_press import KeyPress
from atoll._plugins import Provided, Registry, contained
from atoll._records import Keys
from atoll._shell.lines import is_open
from atoll._shell.slow_calls import SlowCalls
from atoll._state import ShellState
from atoll._warnings import warn
from atoll.hookspecs import KEYS

Sequence = tuple[KnownKeys | str, ...]


def bindings(registry: Registry, shell: ShellState) -> KeyBindings:
    """Return the key bindings of the prompt; warn of keys that clash or do not exist."""
    made = KeyBindings()
    focused = has_focus(DEFAULT_BUFFER)
    for keys, provided in usable(registry):
        if provided.record.load is not None:
            made.add(*keys, filter=focused)(_Handler(provided, shell).pressed)
    return made


def usable(registry: Registry) -> Iterator[tuple[Sequence, Provided[Keys]]]:
    """Yield the records whose keys exist and are free, with prompt_toolkit's names of the keys."""
    taken: dict[Sequence, Provided[Keys]] = {}
    for provided in registry.collect(KEYS):
        with contained(provided.origin, f"the keys {provided.record.keys!r}", warn):
            keys = parsed(provided.record.keys)
            if other := _in_the_way(keys, taken):
                what = f"{other.record.keys!r} of {other.origin}"
                warn(f"{provided.origin}: the keys {provided.record.keys!r} are taken by {what}")
                continue
            taken[keys] = provided
            yield keys, provided


def parsed(keys: str) -> Sequence:
    """Return prompt_toolkit's names of keys; raises ValueError for keys that do not exist."""
    names = keys.split(" ")
    if len(names[0]) == 1:
        raise ValueError("a line could not be typed without them")
    probe = KeyBindings()
    probe.add(*names)(lambda _event: None)
    return probe.bindings[0].keys


def _in_the_way(keys: Sequence, taken: dict[Sequence, Provided[Keys]]) -> Provided[Keys] | None:
    """Return the record that has the same keys as these, or whose keys begin with them or the
    reverse.
    """
    for other, provided in taken.items():
        shorter = min(len(keys), len(other))
        if keys[:shorter] == other[:shorter]:
            return provided
    return None


@define(eq=False)
class _Handler:
    """Calls a plugin's function for its keys; an error does not end the prompt."""

    provided: Provided[Keys]
    shell: ShellState
    _call: Callable[[KeyPress], object] | None = None
    _slow_calls: SlowCalls = field(factory=SlowCalls)

    def pressed(self, event: KeyPressEvent) -> None:
        self.call(event.current_buffer)

    def call(self, buffer: Buffer) -> None:
        doing = f"its keys {self.provided.record.keys!r}"
        with contained(self.provided.origin, doing, warn):
            self._call = self._call or self.provided.load()
            began = time.perf_counter()
            returned = self._call(KeyPress(self.shell, buffer))
            self._slow_calls.note(time.perf_counter() - began, self.provided.origin, doing)
            if inspect.iscoroutine(returned):
                returned.close()
                raise TypeError("it is async: keys call plain functions")


def enter(press: KeyPress) -> None:
    """Run the line; while a quote or a brace is open, add another line."""
    if is_open(press.text):
        press.insert("\n")
    else:
        press.accept()
