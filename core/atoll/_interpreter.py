"""Runs parsed lines: replaces variables, and runs `&&`, `||`, `let`, `for` and `source`."""

import sys
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import trio
from attrs import define, evolve, field

from atoll._aliases import Call
from atoll._background_part import BackgroundPart
from atoll._commands import before_command
from atoll._errors import AtollError, ExitCode, NotFound, UsageError
from atoll._front_line import current_line
from atoll._interrupts import interruptible
from atoll._line import parse
from atoll._script_file import read_script
from atoll._statement import Statement
from atoll._syntax import AndOr, For, Jump, Let, LineError, Node, SimpleCommand
from atoll._value_capture import capturing
from atoll._variables import Value, Values, Variables
from atoll._words import Word, as_written
from atoll.text import printable

if TYPE_CHECKING:
    from atoll._runner import Runner

_EXITS = (("exit",), ("quit",))
_HIGHEST_CODE = 255
_DEEPEST = 20
"""How deeply `source` may be nested."""


class _Jumped(Exception):
    """`break` or `continue` in the body of a `for`, which catches it."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


class Exited(Exception):
    """`exit` in a script; `code` is the exit code of the script."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class _Failed(NamedTuple):
    """A statement that has failed without a message, and its exit code."""

    node: SimpleCommand
    code: int


@define
class Interpreter:
    """Runs nodes for a front door, one after the other.

    With `names_lines`, messages name the line, as they do for a script. `echo` shows each statement
    before it runs. With `ends_at_exit`, `exit` raises Exited.
    """

    runner: "Runner"
    variables: Variables
    keep_going: bool = False
    names_lines: bool = False
    echo: bool = False
    ends_at_exit: bool = False
    _files: tuple[str, ...] = ()
    """The files that `source` is running, the innermost last."""
    _expanding: frozenset[str] = frozenset()
    """The aliases that are being expanded; inside its own line, an alias is not expanded again."""
    _failed: _Failed | None = field(default=None, init=False)

    async def run(self, nodes: Sequence[Node]) -> int:
        """Run nodes up to the first that fails, or all with `keep_going`; returns the exit code of
        the first that has failed.
        """
        first_failure = int(ExitCode.OK)
        for node in nodes:
            code = await self.run_one(node)
            first_failure = first_failure or code
            if self.ends(code):
                break
        return first_failure

    def ends(self, code: int) -> bool:
        """Whether the rest of a line or script is skipped after this exit code."""
        return self._is_left or code == ExitCode.INTERRUPTED or bool(code and not self.keep_going)

    @property
    def _is_left(self) -> bool:
        return self.runner.shell is not None and self.runner.shell.leaving is not None

    @property
    def _is_interrupted(self) -> bool:
        """Whether Ctrl-C was pressed between two statements of the line."""
        if (line := current_line.get()) is None or self.runner.shell is None:
            return False
        # A line that has just begun may not have heard it itself.
        return line.interrupted or (self.runner.shell.interrupted and not line.is_moved)

    async def run_one(
        self, node: Node, then: Callable[[int], Awaitable[None]] | None = None
    ) -> int:
        """Run a node; returns its exit code.

        If a statement of a script fails without a message, its line is reported. `then` is called
        with the exit code; for a node in the background, when it has ended.
        """
        if isinstance(node, SimpleCommand | AndOr) and node.background:
            return self._start(node, then)
        code = await self._attempt(node)
        if code and self._failed and self._place(node):
            text, failed = self._failed
            self.runner.warn(f"{self._place(text)}{text.text!r} ended with exit code {failed}")
        self._failed = None
        if then is not None:
            await then(code)
        return code

    def _place(self, node: Node) -> str:
        """Return the beginning of messages about a node."""
        if self._files:
            return f"{self._files[-1]}, line {node.line}: "
        return f"line {node.line}: " if self.names_lines else ""

    async def _attempt(self, node: Node) -> int:
        self._failed = None
        try:
            code = await self._run(node) if not self._is_interrupted else ExitCode.INTERRUPTED
        except AtollError as error:
            self.runner.warn(f"{self._place(node)}{error}")
            code = error.exit_code
        self.variables.last_code = code
        return code

    async def _run(self, node: Node) -> int:
        match node:
            case SimpleCommand():
                return await self._command(node)
            case AndOr():
                return await self._and_or(node)
            case Let():
                return await self._let(node)
            case For():
                return await self._for(node)
            case Jump():
                raise _Jumped(node.word)

    def _start(
        self, node: SimpleCommand | AndOr, then: Callable[[int], Awaitable[None]] | None
    ) -> int:
        """Start a node in the background, with a copy of the variables."""
        part = BackgroundPart(evolve(node, background=False), self.variables.copy(), self._files)
        runner = evolve(self.runner, foreground=False)
        other = evolve(self, runner=runner, variables=part.variables, ends_at_exit=False)
        try:
            self.runner.start(part, partial(other.run_one, part.node, then), then)
        except AtollError as error:
            self.runner.warn(f"{self._place(node)}{error}")
            return error.exit_code
        return ExitCode.OK

    async def _and_or(self, node: AndOr) -> int:
        code = int(ExitCode.OK)
        for mark, part in node.parts:
            if (mark == "&&" and code) or (mark == "||" and not code):
                continue
            code = await self._attempt(part)
            if self._is_left or code == ExitCode.INTERRUPTED:
                break
        return code

    async def _command(self, node: SimpleCommand) -> int:
        self._say(node.text)
        node, call = self._resolved(node)
        if call:
            inner = evolve(self, names_lines=False, expanding=self._expanding | {call.name})
            return await inner.run(call.nodes())
        statement = self._statement(node)
        words = statement.words[before_command(statement.words) :]
        if words[:1] == ("source",) and len(words) == 2 and not words[1].startswith("-"):
            return await self._source(statement, words[1])
        if self.ends_at_exit and words[:1] in _EXITS:
            self._exit(words[1:])
        return self._noted(node, await self.runner.run(statement), self.runner)

    def _resolved(self, node: SimpleCommand) -> tuple[SimpleCommand, Call | None]:
        """Replace the aliases in a statement; returns the command, and the alias if it stands for
        more than one command. Raises UsageError.
        """
        seen = self._expanding
        while call := self._alias(node, seen):
            if (one := call.single(node)) is None:
                return node, call
            node, seen = one, seen | {call.name}
        return node, None

    def _alias(self, node: SimpleCommand, seen: frozenset[str]) -> Call | None:
        """Return the alias that a statement begins with, None if it begins with a command."""
        words, program = [as_written(word) for word in node.words], self.runner.program
        begin = before_command(words)
        name = words[begin] if begin < len(words) and not node.quoted else ""
        line = program.aliases.lines.get(name)
        if line is None or name in seen or program.tree.root.child(name):
            return None
        return Call(name, line, node.words[begin + 1 :])

    def _exit(self, given: Sequence[str]) -> None:
        """End the script, by default with the exit code of the last statement. If other words
        follow `exit`, do nothing, since the command `exit` itself refuses them.
        """
        if not given:
            raise Exited(self.variables.last_code)
        if len(given) == 1 and given[0].isdecimal() and int(given[0]) <= _HIGHEST_CODE:
            raise Exited(int(given[0]))

    def _noted(self, node: SimpleCommand, code: int, runner: "Runner") -> int:
        """Remember that a statement has failed without a message; returns its exit code."""
        silent = code not in (ExitCode.OK, ExitCode.INTERRUPTED) and not runner.has_reported
        self._failed = _Failed(node, code) if silent else None
        return code

    def _say(self, text: str) -> None:
        if self.echo:
            sys.stderr.write(f"+ {printable(text)}\n")
            sys.stderr.flush()

    def _statement(self, node: SimpleCommand) -> Statement:
        """Replace variables by their values; raises UsageError."""
        own = self._own_variables(node.words)
        text = partial(self.variables.text, own=own)
        return Statement(
            words=tuple(map(text, node.words)),
            line=node.line,
            text=node.text,
            place=self._place(node),
            source=None if node.source is None else Path(text(node.source)),
            target=None if node.target is None else Path(text(node.target)),
            append=node.append,
            pipe=node.pipe,
            system=node.system,
            variables=self.variables.exported() if node.pipe or node.system else {},
        )

    def _own_variables(self, words: Sequence[Word]) -> Collection[str]:
        """Return the variables that a line defines for its command, such as those of a sweep."""
        if all(isinstance(word, str) for word in words):
            return ()
        texts = [as_written(word) for word in words]
        return self.runner.program.tree.variables_of(texts)

    async def _let(self, node: Let) -> int:
        value = node.value
        self._say(node.text)
        if self._is_command(value):
            code, values = await self._captured(value)
            if code:
                return code
        else:
            (word,) = value.words
            values = self.variables.copied(word)
        self.variables.kept[node.name] = values
        return ExitCode.OK

    def _is_command(self, value: SimpleCommand) -> bool:
        """Whether a value of `let` is a command, and not a text. Raises UsageError."""
        if value.system or len(value.words) > 1:
            if value.quoted:
                raise UsageError("a text of several words needs quotes around all of it")
            return True
        (word,) = value.words
        known = isinstance(word, str) and not value.quoted
        command = self.runner.program.tree.root.child(str(word)) if known else None
        names = command or self._alias(value, self._expanding)
        return bool(names or value.pipe or value.source or value.target or value.first)

    async def _captured(self, node: SimpleCommand) -> tuple[int, Values]:
        """Run a command and capture its output; returns its exit code and its values."""
        node, call = self._resolved(node)
        if call:
            raise UsageError(f"alias {call.name} is more than one command", hint=call.meaning)
        statement = self._statement(node)
        with capturing(first=node.first) as capture:
            runner = evolve(self.runner, capture=capture)
            code = self._noted(node, await runner.run(statement), runner)
            values = capture.values() if not code else Values(())
        if node.first and not code:
            if not values.items:
                raise NotFound(f"{node.text}: it returned no record, so there is no first one")
            values = evolve(values, items=values.items[:1])
        return code, values

    async def _for(self, node: For) -> int:
        self._say(node.text)
        code, values = await self._values(node)
        for value in values:
            await trio.lowlevel.checkpoint()
            self._say(f"{node.name} = {value.text}")
            self.variables.kept[node.name] = Values((value,), value.fields is not None)
            try:
                one = await self.run(node.body)
            except _Jumped as jump:
                one = int(ExitCode.OK)
                if jump.word == "break":
                    break
            code = code or one
            if self.ends(one):
                break
        return code

    async def _values(self, node: For) -> tuple[int, Sequence[Value]]:
        """Return the values of a `for`, or the exit code if the command that outputs them has
        failed.
        """
        found: list[Value] = []
        for one in node.values:
            if isinstance(one, SimpleCommand):
                code, values = await self._captured(one)
                if code:
                    return code, ()
                found += values.items
            else:
                found += self.variables.each(one)
        return ExitCode.OK, found

    async def _source(self, statement: Statement, file: str) -> int:
        """Run the statements of a file in this interpreter; raises AtollError."""
        if statement.source or statement.target or statement.pipe:
            raise UsageError("source takes a file, and nothing after it")
        if len(self._files) >= _DEEPEST:
            raise UsageError(f"{file}: source is nested more than {_DEEPEST} files deep")
        texts: list[str] = []

        async def read() -> int:
            texts.append(await trio.to_thread.run_sync(read_script, file, abandon_on_cancel=True))
            return ExitCode.OK

        if code := await interruptible(read):
            return code
        try:
            nodes = parse(texts[0])
        except LineError as error:
            raise UsageError(f"{file}, line {error.line}: {error}") from None
        return await evolve(self, files=(*self._files, file)).run(nodes)
