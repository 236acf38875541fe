"""Invents answers to GraphQL queries in which the requested entity exists once, and runs.

They are made from the query, which names the fields, and from the expected shape of the answer.
"""

import re
from collections.abc import Mapping
from typing import Any

from atoll.reading import Maybe, Shape

_PIECE = re.compile(r"\([^()]*\)|[{}]|[A-Za-z_]\w*:?")
_LIKELY: Mapping[str, Any] = {"ok": True, "status": "RUNNING", "total_count": 1}
"""Values for common fields; the value of any other field is its name."""
_PLAIN: Mapping[type, Any] = {int: 1, float: 1.0, bool: True}

Selection = dict[str, Any]
"""The fields that a query selects, each with its subfields; None for a field without subfields."""


def answer_to(query: str, like: Shape, access_key: str) -> Any:
    """Return an invented answer of the shape `like`; raises the error of a function in the shape
    that refuses it.
    """
    return _shaped(_selection(query), like, "", {**_LIKELY, "access_key": access_key})


def _selection(query: str) -> Selection:
    root: Selection = {}
    open_ones, last, alias = [root], "", ""
    for piece in _PIECE.findall(query[query.index("{") + 1 :]):
        if piece == "{":
            below: Selection = {}
            open_ones[-1][last] = below
            open_ones.append(below)
        elif piece == "}":
            open_ones.pop()
        elif piece.endswith(":"):
            alias = piece[:-1]
        elif not piece.startswith("("):
            last, alias = alias or piece, ""
            open_ones[-1][last] = None
    return root


def _shaped(selection: Selection | None, like: Shape, name: str, known: Mapping[str, Any]) -> Any:
    if isinstance(like, Maybe):
        return _shaped(selection, like.shape, name, known)
    if isinstance(like, list):
        return [_shaped(selection, like[0], name, known)]
    if isinstance(like, dict):
        below = selection or {}
        named = {key: shape for key, shape in like.items() if isinstance(key, str)}
        return {key: _shaped(below.get(key), one, key, known) for key, one in named.items()}
    if like in _PLAIN:
        return known.get(name, _PLAIN[like])
    found = _node(selection, name, known)
    return found if isinstance(like, type) else like(found)


def _node(selection: Selection | None, name: str, known: Mapping[str, Any]) -> Any:
    """Return the fields of a selection, or the value of a single field."""
    if selection is None:
        return known.get(name, f"<{name}>")
    return {key: _node(below, key, known) for key, below in selection.items()}
