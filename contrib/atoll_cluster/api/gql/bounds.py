"""Limit the size of GraphQL documents, before they are validated and executed.

The time for validation and execution grows at least with the square of the size of a document, and
both use recursion.
"""

import re
from collections.abc import Mapping
from typing import Self

from attrs import field, frozen
from graphql import (
    DocumentNode,
    ExecutableDefinitionNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    parse,
)

_LONGEST = 64 * 1024
_MOST_TOKENS = 5000
_DEEPEST = 40
_MOST_FIELDS = 500
_MOST_ROOTS = {OperationType.QUERY: 40, OperationType.MUTATION: 10, OperationType.SUBSCRIPTION: 1}
_QUOTED = re.compile(r'"""(?:[^"\\]|\\.|"(?!""))*"""|"(?:[^"\\\n]|\\.)*"|#[^\n]*', re.DOTALL)
_OPENING, _CLOSING = frozenset("{[("), frozenset("}])")


def read_document(query: str) -> DocumentNode:
    """Parse a document within the limits; raises GraphQLError."""
    if len(query) > _LONGEST:
        raise GraphQLError(f"The document is longer than {_LONGEST} characters.")
    _check_depth(query)
    document = parse(query, max_tokens=_MOST_TOKENS)
    _Measure.of(document).check(document)
    return document


def _check_depth(query: str) -> None:
    depth = 0
    for char in _QUOTED.sub("", query):
        if char in _OPENING:
            depth += 1
        elif char in _CLOSING:
            depth -= 1
        if depth > _DEEPEST:
            raise _too_deep()


def _too_deep() -> GraphQLError:
    return GraphQLError(f"The document is nested deeper than {_DEEPEST} levels.")


@frozen
class _Size:
    """The number of fields and levels of a selection."""

    fields: int = 0
    height: int = 0


@frozen
class _Measure:
    """Measures selections; a fragment counts each time it is used, but is measured only once."""

    fragments: Mapping[str, FragmentDefinitionNode]
    _known: dict[str, _Size] = field(factory=dict)

    @classmethod
    def of(cls, document: DocumentNode) -> Self:
        """Return an object that measures the selections of a document."""
        nodes = [one for one in document.definitions if isinstance(one, FragmentDefinitionNode)]
        return cls({one.name.value: one for one in nodes})

    def check(self, document: DocumentNode) -> None:
        """Raise GraphQLError for a document that is too large."""
        asked = 0
        for one in document.definitions:
            if not isinstance(one, ExecutableDefinitionNode):
                continue  # the validation refuses it
            fields = self._size(one.selection_set, 0).fields
            asked += fields
            if fields > _MOST_FIELDS or asked > 2 * _MOST_FIELDS:
                raise GraphQLError(f"The document has more than {_MOST_FIELDS} fields.")
            if isinstance(one, OperationDefinitionNode):
                self._check_roots(one)

    def _check_roots(self, operation: OperationDefinitionNode) -> None:
        most = _MOST_ROOTS[operation.operation]
        roots = sum(
            1 if isinstance(one, FieldNode) else self._part(one, 0).fields
            for one in operation.selection_set.selections
        )
        if roots > most:
            raise GraphQLError(f"A {operation.operation.value} has at most {most} root fields.")

    def _size(self, selected: SelectionSetNode | None, depth: int) -> _Size:
        if depth > _DEEPEST:
            raise _too_deep()
        if selected is None:
            return _Size()
        parts = [self._part(one, depth) for one in selected.selections]
        fields = sum(part.fields for part in parts)
        height = 1 + max((part.height for part in parts), default=0)
        return _Size(min(fields, _MOST_FIELDS + 1), height)

    def _part(self, selection: SelectionNode, depth: int) -> _Size:
        if isinstance(selection, FragmentSpreadNode):
            return self._fragment(selection.name.value, depth)
        assert isinstance(selection, FieldNode | InlineFragmentNode)  # noqa: S101 - no others exist
        inner = self._size(selection.selection_set, depth + 1)
        return _Size(inner.fields + isinstance(selection, FieldNode), inner.height)

    def _fragment(self, name: str, depth: int) -> _Size:
        if name not in self._known and name in self.fragments:
            self._known[name] = _Size()  # The validation refuses a fragment that contains itself.
            self._known[name] = self._size(self.fragments[name].selection_set, depth + 1)
        found = self._known.get(name, _Size())
        if depth + found.height > _DEEPEST:
            raise _too_deep()
        return found
