"""Colours the line while it is typed: commands, options, quoted words, redirections."""

from collections.abc import Callable, Container
from functools import lru_cache

from attrs import evolve, field, frozen
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.lexers import Lexer

from atoll._commands import CommandTree
from atoll._node import PROGRAM_NAMES, Node
from atoll._profile_prefix import MARK
from atoll._shell.lines import FRESH, State, forget_lines, read_line
from atoll._tokens import Token

_REMEMBERED = 20_000
"""For how many lines the colours are remembered."""
_OPERATORS = ("redirect", "system", "open", "close", "filter")
_PLAIN = {**dict.fromkeys(_OPERATORS, "class:operator"), "comment": "class:comment"}
_JUMPS = ("break", "continue")
_LET = 4
"""How many words are enough to tell whether the value of a `let` begins."""


@frozen(cache_hash=True)
class _Scope:
    """The context of the next token: the command above it, None after its arguments have begun, and
    the words before it.

    `above` is the context around `$( )`. A token that a line has left open is continued with its
    style.
    """

    node: Node | None = field(eq=id)
    words: tuple[str, ...] = ()
    above: "_Scope | None" = None
    open_kind: str = ""
    open_style: str = ""


class LineLexer(Lexer):
    """Colours by the grammar of lines and the names of commands; imports no command."""

    def __init__(self, tree: CommandTree, aliases: Callable[[], Container[str]] = tuple) -> None:
        self._tree = tree
        self._aliases = aliases
        self._known: Container[str] = ()
        self._coloured = lru_cache(_REMEMBERED)(self._colour)

    def forget(self) -> None:
        """Drop the remembered lines, since the text that contains them has been entered."""
        self._coloured.cache_clear()
        forget_lines()

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """Return a function that returns the coloured pieces of a line by its number, from 0."""
        if (now := self._aliases()) is not self._known:
            self._known = now
            self._coloured.cache_clear()
        found, state, scope = list[StyleAndTextTuples](), FRESH, _Scope(self._tree.root)
        for line in document.lines:
            pieces, state, scope = self._coloured(state, scope, line)
            found.append(pieces)
        return lambda number: found[number] if number < len(found) else []

    def _colour(
        self, state: State, scope: _Scope, line: str
    ) -> tuple[StyleAndTextTuples, State, _Scope]:
        """Return the pieces of a line, and the state for the next one."""
        tokens, after = read_line(state, line)
        pieces, at, style = list[tuple[str, str]](), 0, ""
        for token in tokens:
            if scope.open_kind == token.kind and token.start == 0:
                style = scope.open_style
            else:
                scope, style = self._styled(scope, token, line[token.start : token.end])
            pieces += [("", line[at : token.start]), (style, line[token.start : token.end])]
            at = token.end
        pieces.append(("", line[at:]))
        is_open = bool(tokens and tokens[-1].quote)
        kind, style = (tokens[-1].kind, style) if is_open else ("", "")
        scope = evolve(scope, open_kind=kind, open_style=style)
        return [piece for piece in pieces if piece[1]], after, scope

    def _styled(self, scope: _Scope, token: Token, raw: str) -> tuple[_Scope, str]:
        """Return the scope after a token, and its style."""
        style = "class:variable" if token.parts else _PLAIN.get(token.kind, "")
        if token.kind == "open" and token.value == "$(":
            return _Scope(self._tree.root, above=scope), style
        if token.kind == "close" and token.value == ")" and scope.above:
            return scope.above, style
        if token.kind in ("end", "open", "close"):
            return _Scope(self._tree.root, above=scope.above), style
        if token.kind == "word":
            scope, style = self._word(scope, token.value, style)
        return scope, style or _word_style(raw)

    def _word(self, scope: _Scope, word: str, style: str) -> tuple[_Scope, str]:
        node, words = scope.node, (*scope.words, word)[:_LET]
        if not style and node is not None:
            node, style = self._command_word(node, word)
            # After `let NAME =`, a word is a text unless it is a command.
            style = "" if scope.words[:1] == ("let",) and node is None else style
        if words[0] == "let" and words[2:] == ("=",):
            node = self._tree.root
        return _Scope(node, words, scope.above), style

    def _command_word(self, node: Node, word: str) -> tuple[Node | None, str]:
        """Return the node that a word leads to, None at the first argument, and the
        word's style.
        """
        if node is self._tree.root and word in ("$", *PROGRAM_NAMES):
            return node, "class:command"
        if node is self._tree.root and word in _JUMPS:
            return None, "class:command"
        if node is self._tree.root and word.startswith(MARK):
            return node, "class:operator"
        if node is self._tree.root and word in self._known and node.child(word) is None:
            return None, "class:command"
        if below := node.child(word):
            return below, "class:command"
        wrong = not node.runs and not word.startswith("-")
        return None, "class:command.unknown" if wrong else ""


def _word_style(raw: str) -> str:
    if raw[:1] in ("'", '"'):
        return "class:string"
    return "class:option" if raw.startswith("-") and len(raw) > 1 else ""
