"""The screen of `top`, and its keys."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import trio
from attrs import define, field

from atoll import Capture, Context, ExitCode
from atoll.fullscreen import FullScreen, Line
from atoll.outages import Backoff
from atoll.text import printable, quote
from atoll_sessions import own_changes
from atoll_sessions.model import Session
from atoll_sessions.top import drawing
from atoll_sessions.top.feed import Feed
from atoll_sessions.top.nodes import Nodes
from atoll_sessions.top.rows import FAR, ORDERS, Rows

if TYPE_CHECKING:
    from atoll import Api

_TICKS = Backoff(first=2.0, factor=1.0)
"""How often the ages and the clock are redrawn."""
_MOST_NODES = 4
_SMALL = 12
"""With fewer rows than this, nodes are not shown."""
_KEYS = "l logs  s shell  a app  x rm  / filter  N S C M A sort  Enter info  ? help  q quit"
_MOVES = {"up": -1, "k": -1, "down": 1, "j": 1, "home": -FAR, "end": FAR}
_HELP = f"""Keys of top

  up, down, page up, page down, home, end   select a session
  Enter   everything about it          l   what it prints
  s       a shell in it                a   open one of its services
  x       end it, after asking         /   show only sessions with these words, Esc shows all
  {", ".join(f"{key} {name}" for key, (name, _) in ORDERS.items())}   sort; again, the other way
  n       show nodes or hide them      Space   look at once
  q       leave                        Ctrl-Z  suspend

Any key goes back."""


@define
class Question:
    """A question on the last line; `done` is called with the answer, `typing` at each change
    of it.
    """

    label: str
    done: Callable[[str], object]
    typing: Callable[[str], object] = lambda _text: None
    text: str = ""
    one_key: bool = False


@define
class Top:
    """The screen of one `top`; `code` is the exit code at its end."""

    context: Context
    api: "Api"
    everybody: bool = False
    rows: Rows = field(factory=Rows)
    nodes: Nodes = field(factory=Nodes)
    code: int = field(default=int(ExitCode.OK), init=False)
    feed: Feed = field(init=False)
    screen: FullScreen = field(init=False)
    _question: Question | None = field(default=None, init=False)
    _message: str = field(default="", init=False)
    _shows_help: bool = field(default=False, init=False)
    _shows_nodes: bool = field(default=True, init=False)
    _height: int = field(default=1, init=False)
    _nursery: trio.Nursery | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.screen = FullScreen(self.context, self.draw, self.press, drawing.STYLES)
        self.feed = Feed(
            self.api, self.rows, self.nodes, self.screen.redraw, self._visible, self.everybody
        )

    async def run(self) -> int:
        """Show the screen until the user leaves; returns the exit code. Raises the error that ended
        the feed.
        """
        await self.screen.run(self.feed.run, self._tick, self._run_tasks)
        return self.code

    async def _run_tasks(self) -> None:
        """Run the feed, and the tasks that keys start."""
        async with trio.open_nursery() as self._nursery:
            await trio.sleep_forever()

    async def _tick(self) -> None:
        async for _ in _TICKS:
            self.screen.redraw()

    def _visible(self) -> list[str]:
        return [row.session.id for row in drawing.visible(self.rows, self._height)]

    # The lines of the screen.

    def draw(self, columns: int, rows: int) -> list[Line]:
        """Return the lines of the screen."""
        if self._shows_help:
            return [[("", line)] for line in _HELP.splitlines()]
        nodes: list[Line] = []
        if self._shows_nodes and rows >= _SMALL:
            nodes = drawing.node_lines(self.nodes, columns, _MOST_NODES)
        self._height = max(2, rows - len(nodes) - 2)
        table = drawing.table(self.rows, columns, self._height)
        table += [[]] * (self._height - len(table))
        return [self._head(columns), *nodes, *table, self._foot(columns)]

    def _head(self, columns: int) -> Line:
        silent = self.feed.silent_for
        right = time.strftime("%H:%M:%S")
        if silent is not None:
            right = f"offline {silent:.0f} s"
        elif not self.feed.loaded:
            right = "loading …"
        left = f"{self.api.profile.name} · {drawing.told_counts(self.rows.counts())}"
        if self.rows.words:
            left = f"/{' '.join(self.rows.words)}: {len(self.rows.shown):,} · {left}"
        return drawing.head(left, right, columns, late=silent is not None)

    def _foot(self, columns: int) -> Line:
        if (question := self._question) is not None:
            return [("head", f"{question.label}{question.text}"), ("reverse", " ")]
        if self._message:
            return [("head", drawing.fitted(self._message, columns))]
        return [("dim", drawing.fitted(_KEYS, columns))]

    # The keys.

    def press(self, key: str) -> None:
        """Do the action of a key."""
        self.screen.redraw()
        self._message = ""
        if self._shows_help:
            self._shows_help = False
        elif self._question is not None:
            self._answer(self._question, key)
        elif key in _MOVES or key in ("pageup", "pagedown"):
            page = {"pageup": 1 - self._height, "pagedown": self._height - 1}
            self.rows.move(_MOVES.get(key, page.get(key, 0)))
        elif key in ORDERS:
            self.rows.sort_by(key)
        elif command := self._commands.get(key):
            command()
        elif (session := self.rows.current) is not None and key in self._actions:
            # From now on, keys apply to this session, even when its row moves.
            self.rows.selected = session.id
            self._actions[key](session)

    @property
    def _commands(self) -> Mapping[str, Callable[[], None]]:
        return {
            "q": self.screen.leave,
            "c-c": self._interrupt,
            "?": self._help,
            "n": self._toggle_nodes,
            "/": self._ask_words,
            "escape": self._show_all,
            " ": self._refresh_visible,
        }

    @property
    def _actions(self) -> Mapping[str, Callable[[Session], None]]:
        """The actions of keys on the selected session."""
        return {
            "enter": self._info,
            "l": self._logs,
            "s": self._shell,
            "a": self._app,
            "x": self._rm,
            "delete": self._rm,
        }

    def _answer(self, question: Question, key: str) -> None:
        if key in ("escape", "c-c"):
            self._question = None
            question.typing("")
        elif question.one_key or key == "enter":
            self._question = None
            question.done(key if question.one_key else question.text)
        else:
            if key == "backspace":
                question.text = question.text[:-1]
            elif len(key) == 1 and key.isprintable():
                question.text += key
            question.typing(question.text)

    def _interrupt(self) -> None:
        self.code = ExitCode.INTERRUPTED
        self.screen.leave()

    def _help(self) -> None:
        self._shows_help = True

    def _toggle_nodes(self) -> None:
        self._shows_nodes = not self._shows_nodes

    def _ask_words(self) -> None:
        self._question = Question("/", lambda _text: None, self.rows.choose)

    def _show_all(self) -> None:
        self.rows.choose("")

    def _refresh_visible(self) -> None:
        self.feed.query_soon(self._visible())

    def _logs(self, session: Session) -> None:
        follow = " --follow" if session.status.startswith("RUNNING") else ""
        self._run(f"logs {session.id}{follow}", stays=True)

    def _info(self, session: Session) -> None:
        self._run(f"info {session.id}", stays=True)

    def _shell(self, session: Session) -> None:
        self._run(f"shell {session.id}", stays=False)

    def _app(self, session: Session) -> None:
        names = [str(port.get("name")) for port in session.service_ports or ()]
        label = f"open which service of {printable(session.name)}? ({', '.join(names[:4])}) "

        def start(name: str) -> None:
            if name.strip():
                self._run(f"app {session.id} {quote(name.strip())}", stays=False)

        self._question = Question(label, start)

    def _run(self, line: str, *, stays: bool) -> None:
        self.screen.aside(partial(self._on_terminal, line, stays=stays))

    async def _on_terminal(self, line: str, *, stays: bool) -> None:
        """Run a line on the terminal; with `stays`, its output stays there until the user presses
        Enter.
        """
        code = await self.context.run(line)
        if stays or code not in (ExitCode.OK, ExitCode.INTERRUPTED):
            self.context.output.note("--- Enter goes back ---")
            await self._enter()

    async def _enter(self) -> None:
        """Wait until the user presses Enter or Ctrl-C."""
        async with self.context.interrupts() as presses, trio.open_nursery() as nursery:

            async def line() -> None:
                await self.context.stdin.line()
                nursery.cancel_scope.cancel()

            nursery.start_soon(line)
            async for _ in presses:
                nursery.cancel_scope.cancel()

    def _rm(self, session: Session) -> None:
        def end(key: str) -> None:
            if key in ("y", "Y") and self._nursery is not None:
                self._nursery.start_soon(self._end, session)

        label = f"end session {printable(session.name)}? [y/N] "
        self._question = Question(label, end, one_key=True)

    async def _end(self, session: Session) -> None:
        capture = Capture()
        own_changes.note(session.id, "end")
        self._message = f"ending session {printable(session.name)} …"
        await self.context.run(f"rm --yes {session.id}", capture)
        lines = capture.text.strip().splitlines() or [""]
        self._message = printable(lines[-1]).replace(session.id, session.name)
        self.feed.query_soon([session.id])
        self.screen.redraw()
