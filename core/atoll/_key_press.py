"""The argument of functions that plugins bind to keys of the prompt."""

from typing import TYPE_CHECKING, Any

from attrs import define

if TYPE_CHECKING:
    from atoll._state import ShellState


@define
class KeyPress:
    """A press of keys: the line being typed, which can be changed, and the state of the prompt."""

    shell: "ShellState"
    _buffer: Any

    @property
    def text(self) -> str:
        """The typed text; setting it puts the cursor at its end."""
        return str(self._buffer.text)

    @text.setter
    def text(self, text: str) -> None:
        self._buffer.text = text
        self._buffer.cursor_position = len(text)

    @property
    def cursor(self) -> int:
        """The number of characters before the cursor."""
        return int(self._buffer.cursor_position)

    @cursor.setter
    def cursor(self, place: int) -> None:
        self._buffer.cursor_position = min(max(place, 0), len(self.text))

    def insert(self, text: str) -> None:
        """Insert a text at the cursor."""
        self._buffer.insert_text(text)

    def accept(self) -> None:
        """Run the typed line."""
        self._buffer.validate_and_handle()

    def run(self, line: str) -> None:
        """Run a line instead of the typed one."""
        self.text = line
        self.accept()
