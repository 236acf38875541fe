"""Ctrl-R: the earlier lines of all prompts as a list, with time, folder and exit code."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from attrs import define, field
from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import Dimension, HSplit, Layout, VSplit, Window
from prompt_toolkit.layout.controls import BufferControl, FormattedTextControl
from prompt_toolkit.styles import Style, StyleTransformation
from prompt_toolkit.utils import get_cwidth

from atoll._shell.daemon_threads import in_daemon_thread
from atoll._shell.entries import Entry
from atoll._shell.suspending import stop_atoll
from atoll.text import printable

_TITLE = "search: "
_ROWS = 12
"""The most lines of the list that are shown at a time."""
_ROWS_BELOW = 5
"""Rows of the terminal that the list leaves free."""
_FOLDER = 24
"""Cells for a folder; only its end is shown, which says most."""
_MIN_WIDTH_FOR_FOLDERS = 72
"""If the terminal has at least this many cells, folders are shown."""
_AGE_UNITS = ((60, "s", 1), (3600, "m", 60), (86400, "h", 3600), (1e12, "d", 86400))


@define
class Search:
    """The list, the searched text, and the selected line."""

    read: Callable[[], list[Entry]]
    query: Buffer = field(factory=lambda: Buffer(multiline=False))
    _entries: Sequence[Entry] | None = None
    """All lines, the newest first, each once; None until they are read."""
    _found: Sequence[Entry] = ()
    _at: int = 0

    async def load(self) -> None:
        """Read the lines, and search for the text that was typed meanwhile."""
        newest = {entry.line: entry for entry in await in_daemon_thread(self.read)}
        self._entries = sorted(newest.values(), key=lambda entry: -entry.at)
        self.search()

    def search(self) -> None:
        """Find the lines that contain all typed words, ignoring case."""
        words = self.query.text.lower().split()
        entries = self._entries or ()
        self._found = [one for one in entries if all(word in one.line.lower() for word in words)]
        self._at = 0

    def move(self, rows: int) -> None:
        """Move the selection; positive `rows` move it down."""
        self._at = max(0, min(self._at + rows, len(self._found) - 1))

    @property
    def marked(self) -> str:
        """The selected line; the typed text if there is none."""
        return self._found[self._at].line if self._found else self.query.text

    def rows(self, count: int, width: int) -> StyleAndTextTuples:
        """Return this many rows of the list, including the selected one."""
        begins = max(0, min(self._at - count // 2, len(self._found) - count))
        now = time.time()
        rows: StyleAndTextTuples = []
        for number, entry in enumerate(self._found[begins : begins + count], start=begins):
            marked = "class:earlier.marked" if number == self._at else ""
            rows += [(marked or own, text) for own, text in _row(entry, now, width)]
            rows.append(("", "\n"))
        return rows[:-1]

    def about(self) -> str:
        """Return the text below the list."""
        if self._entries is None:
            return "… reading the history"
        keys = "Enter: take the line, Ctrl-C: go back"
        return f"{len(self._found)} of {len(self._entries)}: {keys}"


def _row(entry: Entry, now: float, width: int) -> list[tuple[str, str]]:
    code = "" if not entry.exit_code else str(entry.exit_code)
    pieces = [
        ("class:earlier.about", f"{_age(now - entry.at):>4} "),
        ("class:failed", f"{code:>3} "),
    ]
    if width >= _MIN_WIDTH_FOR_FOLDERS:
        folder = _tail(_below_home(entry.folder), _FOLDER)
        pieces.append(("class:earlier.about", folder + " " * (_FOLDER + 1 - get_cwidth(folder))))
    left = width - sum(len(text) for _, text in pieces) - 1
    line = printable(" ⏎ ".join(entry.line.splitlines()))
    line = _head(line, left)
    return [*pieces, ("", line + " " * max(0, left - get_cwidth(line)))]


def _age(seconds: float) -> str:
    for end, letter, size in _AGE_UNITS:
        if seconds < end:
            return f"{max(0, int(seconds / size))}{letter}"
    return ""


def _below_home(folder: str) -> str:
    home = str(Path.home())
    return f"~{folder[len(home) :]}" if folder == home or folder.startswith(home + "/") else folder


def _tail(text: str, width: int) -> str:
    text = printable(text)
    while get_cwidth(text) > width:
        text = "…" + text[2:]
    return text


def _head(text: str, width: int) -> str:
    text = text[: width + 1]
    while get_cwidth(text) > width:
        text = text[:-2] + "…"
    return text


async def find_line(
    read: Callable[[], list[Entry]],
    typed: str,
    style: tuple[Style, StyleTransformation],
    shown: Callable[[Application[str]], AbstractContextManager[None]],
) -> str:
    """Let the user choose an earlier line; returns it, or the typed text.

    The context manager of `shown` is entered while the list is on the screen.
    """
    search = Search(read)
    search.query.insert_text(" ".join(typed.split("\n")))
    app = _application(search, style, typed)
    search.query.on_text_changed += lambda _: search.search()

    def begin() -> None:
        app.create_background_task(_load(search, app))

    with shown(app):
        # The signal of Ctrl-C is handled by the screen, as it is at the prompt.
        return await app.run_async(pre_run=begin, set_exception_handler=False, handle_sigint=False)


async def _load(search: Search, app: Application[str]) -> None:
    await search.load()
    app.invalidate()


def _application(
    search: Search, style: tuple[Style, StyleTransformation], typed: str
) -> Application[str]:
    def rows() -> int:
        return max(1, min(_ROWS, app.output.get_size().rows - _ROWS_BELOW))

    def listed() -> StyleAndTextTuples:
        return search.rows(rows(), app.output.get_size().columns)

    query = Window(BufferControl(search.query), height=1)
    body = HSplit(
        [
            VSplit([_text(lambda: _TITLE, width=len(_TITLE)), query]),
            Window(FormattedTextControl(listed), height=lambda: Dimension(min=1, max=rows())),
            _text(search.about, style="class:earlier.about"),
        ]
    )
    app: Application[str] = Application(
        Layout(body),
        key_bindings=_keys(search, typed),
        style=style[0],
        style_transformation=style[1],
        include_default_pygments_style=False,
        erase_when_done=True,
    )
    app.renderer.cpr_not_supported_callback = None
    return app


def _text(text: Callable[[], str], *, width: int | None = None, style: str = "") -> Window:
    return Window(FormattedTextControl(text), height=1, width=width, style=style)


def _keys(search: Search, typed: str) -> KeyBindings:
    made = KeyBindings()
    moves = {"up": -1, "c-p": -1, "c-s": -1, "down": 1, "c-n": 1, "c-r": 1}
    for key, rows in {**moves, "pageup": -_ROWS, "pagedown": _ROWS}.items():
        made.add(key)(lambda _event, rows=rows: search.move(rows))

    made.add("c-z")(lambda _event: stop_atoll())

    @made.add("enter")
    @made.add("tab")
    def _(event: KeyPressEvent) -> None:
        event.app.exit(result=search.marked)

    @made.add("c-c")
    @made.add("c-g")
    @made.add("c-d")
    @made.add("escape", eager=True)
    @made.add("<sigint>")
    def _(event: KeyPressEvent) -> None:
        event.app.exit(result=typed)

    return made
