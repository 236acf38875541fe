"""Draws lines on the whole terminal, and reads its keys, with prompt_toolkit.

prompt_toolkit's Application is not used, since it needs asyncio and draws every cell of the screen
each time.
"""

import select
import sys
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TextIO, TypeAlias, cast

import trio
from attrs import define, field
from prompt_toolkit.input.typeahead import get_typeahead, store_typeahead
from prompt_toolkit.key_binding.key_processor import KeyPress
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import get_cwidth

from atoll._light_colors import LightColors
from atoll._terminal_input import TerminalInput
from atoll._theme import background

if TYPE_CHECKING:
    from atoll._context import Context

Line: TypeAlias = Sequence[tuple[str, str]]
_NAMES = {"c-m": "enter", "c-i": "tab", "c-h": "backspace"}
"""Our names of keys for which prompt_toolkit has other names."""
_ESCAPE = 0.05
"""Seconds after which the byte of Escape is taken for the key, not for the beginning of another
key.
"""
_LATE = 0.1
"""Seconds to wait for a late answer of the terminal at the end."""


@define
class Canvas:
    """The terminal, and the text of each of its lines."""

    _input: TerminalInput
    _output: Output
    _depth: ColorDepth
    _names: Mapping[str, str]
    _style: Style
    _colors: LightColors
    _lines: list[Line | None] = field(factory=list)

    @classmethod
    def open(cls, context: "Context", styles: Mapping[str, str]) -> "Canvas":
        """Open the terminal from which a command reads and to which the program writes."""
        assert sys.__stdout__ is not None  # noqa: S101  # callers have checked that it is a terminal
        # This is the real standard output, since its replacement holds text back while the canvas
        # is shown.
        output = Vt100_Output.from_pty(sys.__stdout__)
        depth = output.get_default_color_depth()
        theme, environ = context.settings["shell.theme"], context.environ
        keys = TerminalInput(
            cast("TextIO", context.stdin.file),
            sys.__stdout__,
            lambda: background.should_ask(theme, environ),
        )
        canvas = cls(
            keys,
            output,
            depth if context.output.color else ColorDepth.DEPTH_1_BIT,
            styles,
            Style.from_dict(dict(styles)),
            LightColors(lambda: background.is_light(theme, environ)),
        )
        keys.on_answer = canvas.forget
        return canvas

    @property
    def size(self) -> tuple[int, int]:
        """The number of columns and rows now."""
        size = self._output.get_size()
        return size.columns, size.rows

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Switch to the alternate screen of the terminal, and read single keys, in the block."""
        with self._input.raw_mode():
            self._output.enter_alternate_screen()
            self._output.hide_cursor()
            self._output.erase_screen()
            try:
                yield
            finally:
                self._settle()
                self._output.reset_attributes()
                self._output.erase_screen()
                self._output.quit_alternate_screen()
                self._output.show_cursor()
                self._output.flush()

    def _settle(self) -> None:
        """Wait a moment for a late answer of the terminal, since the next reader would take it for
        typed keys.
        """
        if self._input.waits and select.select([self._input.fileno()], [], [], _LATE)[0]:
            store_typeahead(self._input, self._input.read_keys())

    def forget(self) -> None:
        """Assume that the screen is empty, so that all lines are drawn again."""
        self._lines.clear()
        self._output.erase_screen()

    def draw(self, lines: Sequence[Line]) -> None:
        """Draw these lines from the top, each cut at the right edge. Lines that have not changed
        are not drawn again.
        """
        columns, rows = self.size
        self._lines += [None] * (rows - len(self._lines))
        for row in range(rows):
            line = lines[row] if row < len(lines) else ()
            if self._lines[row] != line:
                self._lines[row] = line
                self._output.cursor_goto(row + 1, 1)
                self._write(line, columns)
        self._output.flush()

    def _write(self, line: Line, columns: int) -> None:
        left = columns
        for name, text in line:
            cut = _cut(text, left)
            left -= get_cwidth(cut)
            style = f"class:{name}" if name in self._names else name
            attrs = self._style.get_attrs_for_style_str(style)
            self._output.set_attributes(self._colors.transform_attrs(attrs), self._depth)
            self._output.write(cut)
        self._output.reset_attributes()
        if left > 0:
            self._output.erase_end_of_line()

    async def keys(self) -> AsyncGenerator[str]:
        """Yield the keys that are pressed, until the terminal is closed.

        Keys that were read but not yielded are kept for the next reader of the terminal, such as
        the prompt.
        """
        wait = partial(trio.lowlevel.wait_readable, self._input.fileno())
        pressed = deque(get_typeahead(self._input))
        try:
            while not self._input.closed:
                while pressed:
                    if (name := _name(pressed.popleft())) is not None:
                        yield name
                with trio.move_on_after(_ESCAPE) as patience:
                    await wait()
                if patience.cancelled_caught:
                    pressed += self._input.flush_keys()
                    if pressed:
                        continue
                    await wait()
                pressed += self._input.read_keys()
        finally:
            store_typeahead(self._input, list(pressed))


def _name(press: KeyPress) -> str | None:
    """Return the name of a key; None if it is not a key."""
    key = press.key.value if isinstance(press.key, Keys) else press.key
    return _NAMES.get(key, key) if len(key) == 1 or not key.startswith("<") else None


def _cut(text: str, width: int) -> str:
    """Return the beginning of a text that fits into this many cells."""
    if text.isascii():
        return text[:width]
    kept = []
    for char in text:
        width -= get_cwidth(char)
        if width < 0:
            break
        kept.append(char)
    return "".join(kept)
