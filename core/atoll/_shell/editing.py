"""Keys of line editing that are the prompt's own."""

from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import has_focus, vi_insert_mode
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from atoll._shell.menu import Menu


def keys_of(menu: Menu) -> KeyBindings:
    """Return the keys of the menu, in the place of prompt_toolkit's."""
    made = KeyBindings()
    focused = has_focus(DEFAULT_BUFFER)

    @made.add("tab", filter=focused)
    @made.add("c-n", filter=focused & vi_insert_mode)
    def _(_event: KeyPressEvent) -> None:
        menu.press()

    return made
