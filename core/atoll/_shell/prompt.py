"""The prompt on a terminal: line editing, completion and toolbar, by prompt_toolkit."""

from attrs import define
from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.styles import Style

from atoll._jobs import Job
from atoll._program import Program
from atoll._runtime import aio
from atoll._shell.candidates import Candidates
from atoll._shell.completion import LineCompleter
from atoll._shell.history import LineHistory, history_file
from atoll._shell.keys import bindings
from atoll._shell.lexer import LineLexer
from atoll._shell.names import Names
from atoll._shell.reader import Cleared, Left
from atoll._shell.refresh import Refresher
from atoll._shell.screen import Screen, begin_line, finish_lines
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
        "bottom-toolbar": "noreverse ansibrightblack",
    }
)


@define
class PromptReader:
    """Reads lines by a prompt_toolkit session."""

    session: PromptSession[str]
    screen: Screen
    refresher: Refresher

    @classmethod
    def make(cls, program: Program, state: ShellState, screen: Screen) -> "PromptReader":
        """Make the prompt of a program."""
        names = Names()
        completer = LineCompleter(Candidates(program, names))
        session = _session(program, state, completer)
        refresher = Refresher(program, names, state, session.app.invalidate)
        refresher.look = lambda: completer.look(session.default_buffer.document)
        reader = cls(session, screen, refresher)
        session.default_buffer.on_text_changed += lambda _buffer: refresher.typed()
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
        self.refresher.typed()

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
        "atoll> ",
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
        key_bindings=bindings(),
        style=_STYLE,
        include_default_pygments_style=False,
        interrupt_exception=Cleared,
        eof_exception=Left,
    )
    return session
