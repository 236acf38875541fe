"""The prompt on a terminal: line editing, completion and toolbar, by prompt_toolkit."""

from attrs import define, field
from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.input import Input
from prompt_toolkit.output import Output
from prompt_toolkit.styles import Style

from atoll.jobs import Job
from atoll.program import Program
from atoll.runtime import aio
from atoll.shell.completion import LineCompleter
from atoll.shell.history import LineHistory, history_file
from atoll.shell.keys import bindings
from atoll.shell.lexer import LineLexer
from atoll.shell.names import Names
from atoll.shell.reader import Cleared, Left
from atoll.shell.refresh import Refresher
from atoll.shell.screen import Screen, begin_line, finish_lines
from atoll.shell.toolbar import Toolbar
from atoll.state import ShellState

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
    _begun: bool = field(default=False, init=False)

    @classmethod
    def make(
        cls,
        program: Program,
        state: ShellState,
        screen: Screen,
        *,
        input: Input | None = None,
        output: Output | None = None,
    ) -> "PromptReader":
        """Make a prompt for a program; `input` and `output` are the terminal's unless given."""
        names = Names()
        session = _session(program, state, names, input, output)
        refresher = Refresher(program, names, state, session.app.invalidate)
        session.default_buffer.on_text_changed += lambda _buffer: refresher.typed()
        return cls(session, screen, refresher)

    async def read(self) -> str:
        """Return the next input; raises Cleared or Left."""
        with self.screen.prompting():
            return await aio(
                self.session.prompt_async,
                # Once the prompt is on the screen: names are nothing to wait for.
                pre_run=self._begin,
                set_exception_handler=False,
            )

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self.session.app.after_render += self._first_drawn

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


def _session(
    program: Program,
    state: ShellState,
    names: Names,
    input: Input | None,
    output: Output | None,
) -> PromptSession[str]:
    settings, toolbar = program.settings, Toolbar(program.registry, state)
    vi = settings["shell.edit_mode"] == "vi"
    session: PromptSession[str] = PromptSession(
        "atoll> ",
        multiline=True,
        prompt_continuation=lambda width, _number, _soft: "." * (width - 1) + " ",
        editing_mode=EditingMode.VI if vi else EditingMode.EMACS,
        completer=LineCompleter(program, names),
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
        input=input,
        output=output,
    )
    return session
