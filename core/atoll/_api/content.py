"""Places the parameters of a request where managers of all releases read them: in the query, the
body or both.
"""

import json as jsonlib
from collections.abc import AsyncIterable, Iterator, Mapping, Sequence
from typing import Any, TypedDict, Unpack

from atoll.transport import Part, Request
from atoll.urls import not_text

# For these methods, some releases read the query and others the body, so both contain the
# parameters.
_BOTH_WAYS = {"GET", "HEAD", "DELETE"}


class Content(TypedDict, total=False):
    """The content of a request; every key may be left out.

    `params` are the route's parameters; those of value None are left out. They are sent in a JSON
    body, for GET, HEAD and DELETE in the query as well; `query=True` sends both with other methods
    too. If `json`, `body` or `parts` is the body, the parameters are only in the query. `body` is
    sent unchanged, with its `content_type`.
    """

    params: Mapping[str, Any] | None
    json: Any
    body: bytes | AsyncIterable[bytes] | None
    parts: Sequence[Part]
    query: bool
    content_type: str
    headers: Mapping[str, str]


def build_request(method: str, path: str, **content: Unpack[Content]) -> Request:
    """Return a request with its parameters in query and body, but without version and timeout.

    Raises UsageError for parameters that are not valid text.
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
    # A GET without parameters has no body; a POST without parameters has an empty one.
    return (params or None) if method in _BOTH_WAYS else params


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
