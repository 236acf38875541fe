"""The parameters of a request, placed where managers of all releases read them: query, body or
both.
"""

import json as jsonlib
from collections.abc import AsyncIterable, Iterator, Mapping, Sequence
from typing import Any, TypedDict, Unpack

from atoll.transport import Part, Request
from atoll.urls import not_text

# Releases disagree whether these read the query or the body, so both carry the same.
_BOTH_WAYS = {"GET", "HEAD", "DELETE"}


class Content(TypedDict, total=False):
    """What a request carries; every key may be left out.

    `params` are the route's parameters; those of value None are left out. They are sent in a JSON
    body, for GET, HEAD and DELETE in the query as well; `query=True` sends both with other methods
    too. If `json`, `body` or `parts` are the body, they are in the query alone. `body` is sent
    unchanged, with its `content_type`.
    """

    params: Mapping[str, Any] | None
    json: Any
    body: bytes | AsyncIterable[bytes] | None
    parts: Sequence[Part]
    query: bool
    content_type: str
    headers: Mapping[str, str]


def build_request(method: str, path: str, **content: Unpack[Content]) -> Request:
    """Return a request with its parameters in their places, without version or timeout.

    Raises UsageError for parameters that are no text.
    """
    raw, parts = content.get("body"), content.get("parts", ())
    params = _given(content.get("params"))
    taken = content.get("json") is not None or raw is not None or bool(parts)
    document = content.get("json") if taken else _document(method, params)
    in_query = taken or method in _BOTH_WAYS or content.get("query", False)
    return Request(
        method=method,
        path=path,
        query=tuple(query_pairs(params or {})) if in_query else (),
        body=raw if document is None else _encoded(document),
        parts=parts,
        content_type=content.get("content_type", "") if document is None else "application/json",
        headers=content.get("headers", {}),
    )


def _encoded(document: Any) -> bytes:
    try:
        return jsonlib.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise not_text(error) from None


def query_pairs(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Return parameters as query pairs: lists repeat the key, booleans are `true` and `false`."""
    for key, value in params.items():
        for item in value if isinstance(value, list | tuple) else (value,):
            if item is not None:
                yield key, _text(item)


def _given(params: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if params is None:
        return None
    return {key: value for key, value in params.items() if value is not None}


def _document(method: str, params: dict[str, Any] | None) -> dict[str, Any] | None:
    # Without parameters a GET needs no body; a POST with none to give still says so.
    return (params or None) if method in _BOTH_WAYS else params


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
