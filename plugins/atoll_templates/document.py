"""Reading templates from YAML, with the line and column of each error.

The text of every scalar stays as it was written, so that a branch called 19.09 does not become a
number.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import yaml
from attrs import Factory, define, frozen

from atoll import UsageError
from atoll.text import near_matches
from atoll_templates.schema import TEMPLATE, Key

MOST_BYTES = 1024 * 1024
_NULL = "tag:yaml.org,2002:null"
_MOST_MERGES = 20
_Pairs: TypeAlias = dict[str, tuple[yaml.Node, yaml.Node]]
_MERGE = "tag:yaml.org,2002:merge"
_WRAPPING = {"template", "name", "group_id", "user_uuid"}
_TAKES = {"text": "text", "map": "a mapping", "texts": "a mapping", "values": "a mapping"}


@frozen(kw_only=True)
class Flaw:
    """An error and its position; line and column count from one."""

    line: int
    column: int
    where: str
    problem: str

    def __str__(self) -> str:
        place = f"line {self.line}, column {self.column}"
        return (
            f"{place}: {self.where}: {self.problem}" if self.where else f"{place}: {self.problem}"
        )


@define
class Document:
    """The templates of a file, in the spelling that is sent, and the errors that were found."""

    templates: list[dict[str, Any]] = Factory(list)
    flaws: list[Flaw] = Factory(list)

    @property
    def names(self) -> list[str]:
        """The names of the templates."""
        return [one["template"]["metadata"]["name"] for one in self.templates]


def read(text: str) -> Document:
    """Read one or several templates: bare, below `template`, in a list, or as several documents."""
    document = Document()
    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        document.flaws.append(_syntax_flaw(error))
        return document
    for node in nodes:
        for one in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            document.templates.append(_Reading(document.flaws).wrapped(one))
    if not document.templates:
        document.flaws.append(Flaw(line=1, column=1, where="", problem="there is no template"))
    return document


def read_sound(text: str, name: str) -> Document:
    """Read templates; raises UsageError for the first error."""
    document = read(text)
    if document.flaws:
        first, others = document.flaws[0], len(document.flaws) - 1
        hint = f"and {others} more: atoll sesstpl check lists them" if others else ""
        raise UsageError(f"{name}: {first}", hint=hint)
    return document


def _syntax_flaw(error: yaml.YAMLError) -> Flaw:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "is not YAML"
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    return Flaw(line=line, column=column, where="", problem=str(problem))


@define
class _Reading:
    """Converts nodes into plain values by the table of keys, collecting errors."""

    flaws: list[Flaw]
    _sources: dict[int, _Pairs] = Factory(dict)
    """The pairs of mappings that other mappings merge, by the identities of the mappings' nodes."""
    _merging: int = 0
    """How many nested merges are being read."""

    def wrapped(self, node: yaml.Node) -> dict[str, Any]:
        """Read a template that may be nested in the key `template`."""
        pairs = self._pairs(node, "") if isinstance(node, yaml.MappingNode) else {}
        if "template" not in pairs:
            return {"template": self.value(TEMPLATE, node, "")}
        wrapping = {
            name: self._text(below, name)
            for name, (_, below) in pairs.items()
            if name != "template" and name in _WRAPPING
        }
        return {"template": self.value(TEMPLATE, pairs["template"][1], ""), **wrapping}

    def value(self, key: Key, node: yaml.Node, where: str) -> Any:
        """Read the value of a key; returns None if it is empty or wrong."""
        if node.tag == _NULL:
            if key.required:
                self._note(node, where, "is empty")
            return None
        if key.takes == "text":
            return self._choice(key, node, where)
        if key.takes == "list":
            return self._list(node, where)
        if not isinstance(node, yaml.MappingNode):
            self._note(node, where, f"should be {_TAKES[key.takes]}")
            return None
        if key.takes == "map":
            return self._map(key, node, where)
        return self._names(node, where)

    def _map(self, key: Key, node: yaml.MappingNode, where: str) -> dict[str, Any]:
        pairs = self._pairs(node, where)
        found: dict[str, Any] = {}
        for inner in key.keys:
            given = [name for name in inner.spellings if name in pairs]
            if not given and inner.required:
                self._note(node, where, f"{' or '.join(_offered(inner))} is missing")
            for name in given[1:]:
                self._note(pairs[name][0], _below(where, name), f"is the same as {given[0]}")
            if given:
                found[inner.name] = self.value(inner, pairs[given[0]][1], _below(where, given[0]))
        self._note_unknown(key, pairs, where)
        return {name: value for name, value in found.items() if value is not None}

    def _note_unknown(
        self, key: Key, pairs: Mapping[str, tuple[yaml.Node, yaml.Node]], where: str
    ) -> None:
        known = [name for inner in key.keys for name in inner.spellings]
        for name, (node, _) in pairs.items():
            if name not in known and not key.open:
                near = near_matches(name, known)
                self._note(node, _below(where, name), f"is not a key here{near and f' ({near})'}")

    def _pairs(self, node: yaml.MappingNode, where: str) -> _Pairs:
        pairs: _Pairs = {}
        for name, value in node.value:
            if name.tag == _MERGE:
                continue
            text = self._text(name, where)
            if text in pairs:
                self._note(name, _below(where, text), "is given twice")
            elif text is not None:
                pairs[text] = (name, value)
        return {**self._merged(node, where), **pairs}

    def _merged(self, node: yaml.MappingNode, where: str) -> _Pairs:
        """Return the pairs from merge keys (`<<`); of several, the first has precedence."""
        found: _Pairs = {}
        for name, value in node.value:
            if name.tag == _MERGE:
                for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    found = {**self._source(source, where), **found}
        return found

    def _source(self, node: yaml.Node, where: str) -> _Pairs:
        """Return the pairs of a mapping that another one merges, which may merge others itself."""
        place = _below(where, "<<")
        if id(node) in self._sources:
            return self._sources[id(node)]
        if not isinstance(node, yaml.MappingNode):
            self._note(node, place, "should be a mapping, or several in a list")
            return {}
        if self._merging > _MOST_MERGES:
            self._note(node, place, "merges itself, or too many other mappings")
            return {}
        self._merging += 1
        found = self._sources[id(node)] = self._pairs(node, where)
        self._merging -= 1
        return found

    def _names(self, node: yaml.MappingNode, where: str) -> dict[str, str]:
        """Read a mapping from any names to texts; an empty value is the empty text."""
        return {
            name: "" if value.tag == _NULL else self._text(value, _below(where, name)) or ""
            for name, (_, value) in self._pairs(node, where).items()
        }

    def _list(self, node: yaml.Node, where: str) -> Sequence[str]:
        if not isinstance(node, yaml.SequenceNode):
            self._note(node, where, "should be a list")
            return []
        return [self._text(one, where) or "" for one in node.value]

    def _choice(self, key: Key, node: yaml.Node, where: str) -> str | None:
        text = self._text(node, where)
        if text is not None and key.choices and text not in key.choices:
            self._note(node, where, f"should be {' or '.join(key.choices)}, not {text}")
        return text

    def _text(self, node: yaml.Node, where: str) -> str | None:
        if isinstance(node, yaml.ScalarNode):
            return str(node.value)
        self._note(node, where, "should be text")
        return None

    def _note(self, node: yaml.Node, where: str, problem: str) -> None:
        mark = node.start_mark
        self.flaws.append(
            Flaw(line=mark.line + 1, column=mark.column + 1, where=where, problem=problem)
        )


def _below(where: str, name: str | None) -> str:
    return f"{where}.{name}" if where else str(name)


def _offered(key: Key) -> Iterator[str]:
    """Yield the spellings to suggest."""
    yield from key.spellings[:2] if key.name == "api_version" else key.spellings[:1]
