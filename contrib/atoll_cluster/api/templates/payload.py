"""Read payloads with templates: JSON or YAML, with one or several templates.

Newer clients send `{"template": {…}}` with the additional keys `name`, `group_id` and `user_uuid`;
older clients and people send only the template.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import yaml
from attrs import frozen

from atoll_cluster.api.request.problems import invalid_params
from atoll_cluster.api.request.safe_json import JsonError, read_json
from atoll_cluster.api.templates.syntax import normalize

_MAX_BYTES = 64 * 1024
_MAX_EVENTS = 4000
"""The most YAML events in a payload: a text, or the begin or end of a list or map."""
_MAX_NODES = 20_000
_MAX_DEPTH = 50
_KEPT_TAGS = frozenset({"tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"})


@frozen
class SentTemplate:
    """A template in a payload, and its name: the separate one, or that in the template."""

    template: dict[str, Any]
    name: str


def read_payload(text: str) -> list[SentTemplate]:
    """Return the session templates of a payload; raises Problem 400."""
    return [_sent(document) for document in read_documents(text)]


def read_documents(text: str) -> list[Any]:
    """Return the documents in a payload, at least one; raises Problem 400."""
    if len(text.encode()) > _MAX_BYTES:
        raise invalid_params(
            f"the payload may have at most {_MAX_BYTES} bytes", {"payload": "too long"}
        )
    documents = _documents(text)
    if not documents:
        raise invalid_params("there is no template in the payload", {"payload": "is empty"})
    return documents


def _documents(text: str) -> list[Any]:
    with suppress(JsonError):
        found = read_json(text)
        return found if isinstance(found, list) else [found]
    try:
        _refuse_bulk(text)
        found = [one for one in yaml.load_all(text, _Loader) if one is not None]
        _refuse_bombs(found)
    except (yaml.YAMLError, RecursionError) as error:
        why = " ".join(str(error).split())
        raise invalid_params(f"the payload is neither JSON nor YAML: {why}") from error
    return found[0] if len(found) == 1 and isinstance(found[0], list) else found


class _Loader(yaml.SafeLoader):
    """Reads every plain scalar as text: 19.10 is not a number, `yes` is not a boolean."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as in the base class
        letter: [(tag, pattern) for tag, pattern in resolvers if tag in _KEPT_TAGS]
        for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _refuse_bulk(text: str) -> None:
    """Raise YAMLError as soon as a document is too deep or too large."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, _Loader)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH or number > _MAX_EVENTS:
            raise yaml.YAMLError("it is too large")


def _refuse_bombs(documents: list[Any]) -> None:
    """Raise YAMLError if aliases make the documents too large, for example millions of nodes."""
    waiting: list[tuple[Any, int]] = [(documents, 0)]
    for _ in range(_MAX_NODES):
        if not waiting:
            return
        node, depth = waiting.pop()
        children = node.values() if isinstance(node, dict) else node
        if isinstance(node, dict | list) and depth < _MAX_DEPTH:
            waiting += ((child, depth + 1) for child in children)
        elif isinstance(node, dict | list):
            break
    raise yaml.YAMLError("it is too large")


def _sent(document: Any) -> SentTemplate:
    framed = isinstance(document, Mapping) and "template" in document
    template = normalize(document["template"] if framed else document)
    name = document.get("name") if framed else None
    return SentTemplate(template, str(name or template["metadata"]["name"]))
