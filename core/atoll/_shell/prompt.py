"""The prompt on a terminal: line editing, completion and toolbar, by prompt_toolkit."""

import trio
from attrs import define, field
from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.styles import Style

from atoll._jobs import Job
from atoll._program import Program
from atoll._runtime import aio
from atoll._shell.candidates import Candidates
from atoll._shell.completion import Answers, LineCompleter
from atoll._shell.contexts import shell_context
from atoll._shell.history import LineHistory, history_file
from atoll._shell.keys import bindings
from atoll._shell.lexer import LineLexer
from atoll._shell.names import names_of
from atoll._shell.reader import Cleared, Left
from atoll._shell.refresh import Refresher
from atoll._shell.screen import Screen, begin_line, finish_lines
from atoll._shell.target import prompt_pieces
from atoll._shell.toolbar import Toolbar
from atoll._state import ShellState

_STYLE = Style.from_dict(
    {
        "command": "bold",
        "command.unknown": "ansired",
        "option": "ansicyan",
        "string": "ansigreen",
        "operator": "ansiyellow",
        "comment": "ansibrightblack",
        "profile": "bold",
        "bottom-toolbar": "noreverse ansibrightblack",
    }
)


@define
class PromptReader:
    """Reads lines by a prompt_toolkit session."""

    session: PromptSession[str]
    screen: Screen
    refresher: Refresher
    answers: Answers
    _drawn: trio.Event = field(factory=trio.Event)

    @classmethod
    def make(cls, program: Program, state: ShellState, screen: Screen) -> "PromptReader":
        """Make the prompt of a program."""
        names, answers = names_of(program), Answers()

        def current() -> Document:
            return session.default_buffer.document

        completer = LineCompleter(Candidates(program, names), answers, current)
        session = _session(program, state, completer)
        state.redraws = session.app.invalidate
        refresher = Refresher(program, names, state, shell_context(program, state))
        refresher.look = lambda: completer.look(current())[1]
        reader = cls(session, screen, refresher, answers)
        refresher.on_change = reader._answered
        session.default_buffer.on_text_changed += reader._typed
        # Names are nothing to wait for: the prompt is to be on the screen first.
        session.app.after_render += reader._first_drawn
        return reader

    async def read(self) -> str:
        """Return the next input; raises Cleared or Left."""
        with self.screen.prompting(self.session.app):
            try:
                return await aio(self.session.prompt_async, set_exception_handler=False)
            except (EOFError, OSError):
                raise Left from None  # the terminal has gone

    def _first_drawn(self, _app: object) -> None:
        self.session.app.after_render -= self._first_drawn
        self._drawn.set()
        self.refresher.typed()

    def _typed(self, _buffer: object) -> None:
        self.refresher.typed()
        self.answers.note()

    def _answered(self) -> None:
        self.answers.note()
        self.session.app.invalidate()

    async def drawn(self) -> None:
        """Wait until the first prompt is on the screen."""
        await self._drawn.wait()

    async def beside(self) -> None:
        """Keep the names fresh."""
        await self.refresher.run()

    def ran(self) -> None:
        """Note that a command has run: names may have changed, and the cursor may be anywhere."""
        begin_line(self.screen.terminal)
        self.refresher.ran()

    def ended(self, job: Job) -> None:
        """Note that a background job has ended."""
        finish_lines(job)
        self.refresher.ran()


def _session(program: Program, state: ShellState, completer: LineCompleter) -> PromptSession[str]:
    settings, toolbar = program.settings, Toolbar(program.registry, state)
    vi = settings["shell.edit_mode"] == "vi"
    session: PromptSession[str] = PromptSession(
        lambda: prompt_pieces(program.target),
        multiline=True,
        prompt_continuation=lambda width, _number, _soft: "." * (width - 1) + " ",
        editing_mode=EditingMode.VI if vi else EditingMode.EMACS,
        completer=completer,
        complete_while_typing=False,
        lexer=LineLexer(program.tree),
        history=LineHistory(
            history_file(program.paths), settings["shell.history_size"], program.tree
        ),
        auto_suggest=AutoSuggestFromHistory() if settings["shell.suggest"] else None,
        bottom_toolbar=lambda: toolbar.draw(session.output.get_size().columns),
        key_bindings=bindings(program.registry, state),
        style=_STYLE,
        include_default_pygments_style=False,
        interrupt_exception=Cleared,
        eof_exception=Left,
    )
    return session
