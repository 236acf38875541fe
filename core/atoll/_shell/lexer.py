"""Colours the line as it is typed: commands, options, quoted words, redirections."""

from collections.abc import Callable, Container, Iterator
from functools import lru_cache

from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.lexers import Lexer

from atoll._aim import MARK
from atoll._commands import PROGRAM_NAMES, CommandTree, Node
from atoll._shell.lines import chunks
from atoll._tokens import Token, scan, statements

_REMEMBERED = 5_000
"""How many chunks of lines are remembered with their colours."""
_OPERATORS = ("redirect", "system", "open", "close", "filter")
_PLAIN = {**dict.fromkeys(_OPERATORS, "class:operator"), "comment": "class:comment"}
_JUMPS = ("break", "continue")


class LineLexer(Lexer):
    """Highlights by the grammar of lines and the names of commands; loads no command for it."""

    def __init__(self, tree: CommandTree, aliases: Callable[[], Container[str]] = tuple) -> None:
        self._tree = tree
        self._aliases = aliases
        self._known: Container[str] = ()
        self._coloured = lru_cache(_REMEMBERED)(self._colour)

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        """Return a function that gives the coloured pieces of a line by its number, from 0."""
        if (now := self._aliases()) is not self._known:
            self._known = now
            self._coloured.cache_clear()
        found = [
            line for chunk in chunks(document.lines) for line in self._coloured("\n".join(chunk))
        ]
        return lambda number: found[number] if number < len(found) else []

    def _colour(self, chunk: str) -> list[StyleAndTextTuples]:
        return _split(list(self._pieces(chunk)))

    def _pieces(self, text: str) -> Iterator[tuple[str, str]]:
        at = 0
        found = [one for tokens in statements(scan(text)) for one in self._styled(tokens, text)]
        # What stands within a statement, in `$( )`, has been read before that had its end.
        for token, style in sorted(found, key=lambda one: one[0].start):
            yield "", text[at : token.start]
            yield style, text[token.start : token.end]
            at = token.end
        yield "", text[at:]

    def _styled(self, tokens: list[Token], text: str) -> Iterator[tuple[Token, str]]:
        node: Node | None = self._tree.root
        words: list[str] = []
        for token in tokens:
            style = "class:variable" if token.parts else _PLAIN.get(token.kind, "")
            if token.kind == "word":
                if not style and node is not None:
                    node, style = self._command_word(node, token.value)
                    # After `let NAME =` stands a text where it is no command.
                    style = "" if words and words[0] == "let" and node is None else style
                words.append(token.value)
                if words[0] == "let" and words[2:] == ["="]:
                    node = self._tree.root
            if not style:
                style = _word_style(text[token.start : token.end])
            yield token, style

    def _command_word(self, node: Node, word: str) -> tuple[Node | None, str]:
        """Return where a word leads, None where arguments begin, and the word's style."""
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


def _split(pieces: list[tuple[str, str]]) -> list[StyleAndTextTuples]:
    lines: list[StyleAndTextTuples] = [[]]
    for style, text in pieces:
        first, *others = text.split("\n")
        if first:
            lines[-1].append((style, first))
        lines += [[(style, part)] for part in others]
    return lines
