"""The prompt's own keys of line editing."""

from attrs import frozen
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import (
    emacs_mode,
    has_focus,
    vi_insert_mode,
    vi_navigation_mode,
)
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from atoll._shell.editor import Action, LeavePrompt
from atoll._shell.menu import Menu


@frozen
class KeyActions:
    """Functions for keys that leave the prompt for a while: the editor, and the list of earlier
    lines.
    """

    edit: Action
    search: Action


def keys_of(menu: Menu, actions: KeyActions) -> KeyBindings:
    """Return the key bindings of the line; some of them replace those of prompt_toolkit."""
    made = KeyBindings()
    focused = has_focus(DEFAULT_BUFFER)
    typing = focused & (emacs_mode | vi_insert_mode)

    @made.add("tab", filter=focused)
    @made.add("c-n", filter=focused & vi_insert_mode)
    def _(_event: KeyPressEvent) -> None:
        menu.press()

    @made.add("escape", "enter", filter=focused & emacs_mode)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @made.add("c-x", "c-e", filter=typing)
    @made.add("v", filter=focused & vi_navigation_mode)
    def _(event: KeyPressEvent) -> None:
        _leave(event, actions.edit)

    @made.add("c-r", filter=typing)
    def _(event: KeyPressEvent) -> None:
        _leave(event, actions.search)

    return made


def _leave(event: KeyPressEvent, action: Action) -> None:
    """Leave the prompt for a while."""
    event.app.erase_when_done = True
    event.app.exit(exception=LeavePrompt(action, event.current_buffer.text))
