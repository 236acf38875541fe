"""Keys of the user's own, from `shell.keys` in the settings.

shell:
keys:
f5: ps --all            a line to run
c-x s: "start -t "      one that ends in a blank is typed, to go on with
c-f: <c-r>              other keys, in angle brackets
"""

from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import has_focus
from prompt_toolkit.key_binding import KeyBindings, KeyPress, KeyPressEvent

from atoll._errors import AtollError
from atoll._settings import Settings
from atoll._shell.keys import Sequence, parsed
from atoll._warnings import warn

_RESERVED = ("enter", "c-c", "c-d")
"""Keys that can't be bound, since nobody could use the prompt without them."""


def own_keys(settings: Settings) -> KeyBindings:
    """Return the user's key bindings; warn of those that can't be used."""
    made = KeyBindings()
    try:
        wanted = settings.below("shell.keys")
    except AtollError as error:
        warn(str(error))
        return made
    for keys, line in wanted.items():
        try:
            _bind(made, keys, line)
        except ValueError as error:
            warn(f"shell.keys: {keys!r}: {error}")
    return made


def _bind(made: KeyBindings, keys: str, line: str) -> None:
    if keys in _RESERVED:
        raise ValueError("no line could be run without it")
    bound = parsed(keys)
    if line.startswith("<") and line.endswith(">"):
        others = parsed(line[1:-1])
        if set(bound) & set(others):
            raise ValueError("keys can't stand for themselves")
    else:
        others = ()
    focused = has_focus(DEFAULT_BUFFER)
    made.add(*bound, filter=focused)(lambda event: _press(event, line, others))


def _press(event: KeyPressEvent, line: str, others: Sequence) -> None:
    if others:
        event.key_processor.feed_multiple([KeyPress(key) for key in others], first=True)
    elif line.endswith(" "):
        event.current_buffer.insert_text(line)
    else:
        event.current_buffer.text = line
        event.current_buffer.validate_and_handle()
