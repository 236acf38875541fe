"""The prompt on a terminal: line editing, completion and toolbar, by means of prompt_toolkit."""

import asyncio
import gc
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal

import trio
from attrs import define, field
from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app_session
from prompt_toolkit.cursor_shapes import ModalCursorShapeConfig
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input import Input, PipeInput
from prompt_toolkit.input.typeahead import store_typeahead
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import merge_key_bindings
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.styles import Style

from atoll._light_colors import LightColors
from atoll._program import Program
from atoll._runtime import aio
from atoll._shell.candidates import Candidates
from atoll._shell.completion import LineCompleter
from atoll._shell.contexts import shell_context
from atoll._shell.editing import KeyActions, keys_of
from atoll._shell.editor import LeavePrompt, edit
from atoll._shell.entries import history_file
from atoll._shell.history import LineHistory
from atoll._shell.keys import bindings
from atoll._shell.lexer import LineLexer
from atoll._shell.menu import Menu
from atoll._shell.names import names_of
from atoll._shell.own_keys import own_keys
from atoll._shell.reader import Cleared, Left
from atoll._shell.recent import Recent
from atoll._shell.refresh import Refresher
from atoll._shell.screen import Screen
from atoll._shell.search import find_line
from atoll._shell.suggesting import NewestMatch
from atoll._shell.target import prompt_pieces
from atoll._shell.toolbar import Toolbar
from atoll._state import ShellState
from atoll._terminal import Source
from atoll._terminal_input import TerminalInput
from atoll._theme import background

if TYPE_CHECKING:
    from prompt_toolkit.key_binding.key_processor import KeyPress

_STYLE = Style.from_dict(
    {
        "command": "bold",
        "command.unknown": "ansired",
        "option": "ansicyan",
        "string": "ansigreen",
        "operator": "ansiyellow",
        "variable": "ansimagenta",
        "comment": "ansibrightblack",
        "profile": "bold",
        "bottom-toolbar": "noreverse ansibrightblack",
        "mode": "ansibrightblack",
        "remark": "ansibrightblack",
        "failed": "ansired",
        "earlier.about": "ansibrightblack",
        "earlier.marked": "reverse",
        "completion-menu.completion.current": "bg:ansiwhite fg:#005f87 reverse",
        "completion-menu.meta.completion.current": "bg:ansiwhite fg:#005f87 reverse",
    }
)


_PORTIONS = 5_000, 20, 50
"""The thresholds of the garbage collector: after how many new objects it runs, and how often it
includes older ones.
"""
_PAUSE = 0.05
"""Seconds without a key before completion sends the questions of the line."""
_FLUSH_TIMEOUT = 0.2
"""Seconds that a line waits until it is written to the history file."""


@define
class PromptReader:
    """Reads lines with a session of prompt_toolkit."""

    session: PromptSession[str]
    screen: Screen
    refresher: Refresher
    history: LineHistory
    menu: Menu
    lexer: LineLexer
    stdin: Source
    state: ShellState
    _drawn: trio.Event = field(factory=trio.Event)
    _pause: asyncio.TimerHandle | None = None

    @classmethod
    def make(
        cls, program: Program, state: ShellState, screen: Screen, stdin: Source
    ) -> "PromptReader":
        """Make the prompt of a program; `stdin` is what its commands read."""
        names, recent = names_of(program), Recent()
        history = _history(program, recent)
        completer = LineCompleter(Candidates(program, names, state.jobs), recent)
        lexer = LineLexer(program.tree, lambda: program.aliases.lines)
        session = _session(program, state, completer, history)
        session.lexer = lexer
        buffer = session.default_buffer
        refresher = Refresher(program, names, state, shell_context(program, state))
        refresher.find_offer = lambda: completer.parse(buffer.document)[1]
        menu = Menu(session.app, buffer, completer)
        reader = cls(session, screen, refresher, history, menu, lexer, stdin, state)
        reader._listen(program, state)
        return reader

    def _listen(self, program: Program, state: ShellState) -> None:
        """Connect the events of the session with completion, history and screen."""
        app, buffer = self.session.app, self.session.default_buffer
        state.redraws, state.merges = app.invalidate, self.history.read
        actions = KeyActions(partial(edit, environ=program.environ), self._search)
        keys = bindings(program.registry, state), keys_of(self.menu, actions)
        self.session.key_bindings = merge_key_bindings([*keys, own_keys(program.settings)])
        self.refresher.on_change = self._answered
        buffer.on_text_changed += self._typed
        if program.settings["shell.menu"] == "typing":
            buffer.on_text_insert += self._inserted
        # Names are requested later, since the prompt must be on the screen first.
        app.after_render += self._first_drawn
        # If a terminal does not report its cursor, there is no toolbar, and no warning about it.
        app.renderer.cpr_not_supported_callback = None

    async def read(self) -> str:
        """Return the next input; raises Cleared or Left."""
        self._type_ahead(self.stdin.take_typed())
        text = ""
        while True:
            try:
                line = await self._prompt(text)
                break
            except LeavePrompt as left:
                text = await left.action(left.text)
        self.lexer.forget()
        await self._keep()
        return line

    async def _prompt(self, text: str) -> str:
        """Show the prompt with an initial text; raises Cleared, Left or LeavePrompt."""
        self.session.app.erase_when_done = False
        prompt = partial(
            self.session.prompt_async,
            default=text,
            pre_run=self._begun,
            set_exception_handler=False,
            # prompt_toolkit's handler would be replaced by Python's own for a moment at the end of
            # each line, and Ctrl-C would end the prompt then; ours stays.
            handle_sigint=False,
        )
        with self.screen.prompting(self.session.app):
            try:
                return await aio(prompt)
            except (EOFError, OSError):
                raise Left from None  # the terminal was closed

    def _begun(self) -> None:
        """Note that Ctrl-C is about the line that is typed now."""
        self.state.interrupted = False

    async def _search(self, text: str) -> str:
        """Let the user choose an earlier line instead of the typed one."""
        looks = _STYLE, self.session.app.style_transformation
        find = partial(find_line, self.history.entries, text, looks, self.screen.prompting)
        try:
            return await aio(find)
        except (EOFError, OSError):
            raise Left from None  # as above

    async def _keep(self) -> None:
        """Write the typed line to the history file, so that a command finds it there."""
        await trio.to_thread.run_sync(self.history.flush, _FLUSH_TIMEOUT, abandon_on_cancel=True)

    def _type_ahead(self, keys: bytes) -> None:
        """Insert keys that were typed while a command ran."""
        if keys:
            pressed: list[KeyPress] = []
            parser = Vt100Parser(pressed.append)
            parser.feed_and_flush(keys.decode(errors="replace"))
            store_typeahead(self.session.input, pressed)

    def _first_drawn(self, _app: object) -> None:
        self.session.app.after_render -= self._first_drawn
        self._drawn.set()
        # Garbage is collected in small portions, so that keys never wait long for it. Objects that
        # were loaded so far stay, so they are not searched.
        gc.freeze()
        gc.set_threshold(*_PORTIONS)
        self.refresher.typed()

    def _typed(self, _buffer: object) -> None:
        self.menu.answers.note()
        self._soon(self.refresher.typed)

    def _inserted(self, _buffer: object) -> None:
        self._soon(self._open_menu)

    def _soon(self, call: Callable[[], object]) -> None:
        """Call a function when no key was pressed for a moment, since threads would delay the next
        key.
        """
        if self._pause is not None:
            self._pause.cancel()
        self._pause = self.screen.loop.call_later(_PAUSE, call)

    def _open_menu(self) -> None:
        self.refresher.typed()
        if self.session.app.is_running:
            self.menu.open(inserts=False)

    def _answered(self) -> None:
        self.menu.answers.note()
        self.session.app.invalidate()

    async def wait_until_drawn(self) -> None:
        """Wait until the first prompt is on the screen."""
        await self._drawn.wait()

    async def run_background(self) -> None:
        """Keep the names fresh, until cancelled."""
        await self.refresher.run()

    def begin_line(self) -> None:
        """Move to the start of a line: a program may have left the cursor anywhere."""
        self.screen.begin_line()

    def note_command(self) -> None:
        """Note that a command has run: it may have changed names, and moved the cursor."""
        self.begin_line()
        self.refresher.note_command()

    async def record_end(self, exit_code: int, seconds: float) -> None:
        """Record how the line that was typed at a prompt has ended."""
        self.history.record_end(exit_code, seconds)
        await self._keep()

    def note_job_end(self) -> None:
        """Note that a background job has ended."""
        self.refresher.note_command()

    def put(self, name: Literal["stdout", "stderr"], text: str) -> None:
        """Show whole lines above the prompt, or below the output of a command."""
        self.screen.put(name, text)

    async def drain(self) -> None:
        """Wait while much output is held that the terminal has not accepted."""
        await self.screen.drain()


def _history(program: Program, recent: Recent) -> LineHistory:
    settings = program.settings
    ignored = [one.strip() for one in settings["shell.history_ignore"].split(",") if one.strip()]
    size = settings["shell.history_size"]
    return LineHistory(history_file(program.paths), size, program.tree, ignored, recent)


def _session(
    program: Program, state: ShellState, completer: LineCompleter, history: LineHistory
) -> PromptSession[str]:
    settings, toolbar = program.settings, Toolbar(program.registry, state)
    vi = settings["shell.edit_mode"] == "vi"
    theme, environ = settings["shell.theme"], program.environ
    session: PromptSession[str] = PromptSession(
        lambda: [*_mode_sign(session), *prompt_pieces(program.target)],
        multiline=True,
        prompt_continuation=_continuation,
        editing_mode=EditingMode.VI if vi else EditingMode.EMACS,
        completer=completer,
        complete_while_typing=False,
        history=history,
        auto_suggest=NewestMatch() if settings["shell.suggest"] else None,
        bottom_toolbar=lambda: toolbar.draw(session.output.get_size().columns),
        style=_STYLE,
        style_transformation=LightColors(lambda: background.is_light(theme, environ)),
        input=_keys(lambda: background.should_ask(theme, environ)),
        cursor=ModalCursorShapeConfig() if vi else None,
        include_default_pygments_style=False,
        interrupt_exception=Cleared,
        eof_exception=Left,
    )
    if isinstance(session.input, TerminalInput):
        session.input.on_answer = session.app.invalidate
    return session


def _keys(asks: Callable[[], bool]) -> Input | None:
    """Return the input of the terminal; None if other code has replaced it."""
    usual = get_app_session().input
    if not isinstance(usual, Vt100Input) or isinstance(usual, PipeInput):
        return None
    return TerminalInput(sys.stdin, sys.__stdout__ or sys.stdout, asks)


def _continuation(width: int, _line: int, wrapped: int) -> str:
    """Return the text before a further line; empty if a long line is only wrapped."""
    return "" if wrapped else "." * (width - 1) + " "


_MODES = {InputMode.NAVIGATION: "[N] ", InputMode.REPLACE: "[R] "}


def _mode_sign(session: PromptSession[str]) -> StyleAndTextTuples:
    """Return a sign for the mode of vi keys; empty in other modes."""
    if session.app.editing_mode != EditingMode.VI:
        return []
    return [("class:mode", _MODES.get(session.app.vi_state.input_mode, "[I] "))]
