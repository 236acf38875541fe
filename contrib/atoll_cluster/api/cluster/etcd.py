"""`/config/get`, `/config/set`, `/config/delete`: the cluster's settings by path."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from atoll_cluster.api.request.call import Call, Routes, reply, route
from atoll_cluster.api.request.problems import invalid_params
from atoll_cluster.images import REGISTRY

_MOST_LEAVES = 16
_DEEPEST = 32
"""The most names in a key."""
_LONGEST_VALUE = 64 * 1024


async def get(call: Call) -> Response:
    """`POST /config/get`: the value of a key, or, with `prefix`, the tree below it."""
    settings, key = call.cluster.store.settings, _key(call, is_read=True)
    if "//" in key:
        return reply({"result": {} if _prefix(call) else None})  # No stored key contains this.
    return reply({"result": settings.tree(key) if _prefix(call) else settings.get(key)})


async def set_(call: Call) -> Response:
    """`POST /config/set`: store a text at the key, or a map of texts below it."""
    key, value = _key(call), call.params.get("value")
    if value is None:
        raise invalid_params("value is required", {"value": "is required"})
    call.cluster.store.settings.set(key, _texts(value, key))
    return reply({"result": "ok"})


async def delete(call: Call) -> Response:
    """`POST /config/delete`: delete a key; with `prefix`, also all keys below it."""
    call.cluster.store.settings.delete(_key(call), beneath=_prefix(call))
    return reply({"result": "ok"})


async def registries(_: Call) -> Response:
    """`GET /config/docker-registries`, `/resource/container-registries`: the only registry."""
    return reply({REGISTRY: "this machine"})


def _key(call: Call, *, is_read: bool = False) -> str:
    key = (call.params.text("key") or "").strip("/")
    if not key and not _prefix(call):
        raise invalid_params("key is required", {"key": "is required"})
    if "//" in key and not is_read:
        raise invalid_params(f"key: {key!r} contains an empty name", {"key": key})
    return _not_deep(key)


def _not_deep(key: str) -> str:
    if key.count("/") >= _DEEPEST:
        raise invalid_params(f"key: has more than {_DEEPEST} names", {"key": "too deep"})
    return key


def _prefix(call: Call) -> bool:
    return call.params.boolean("prefix")


def _texts(value: Any, key: str) -> Any:
    """Return a text, or a tree of maps whose values are texts."""
    texts = _to_texts(value, key)
    if isinstance(texts, dict) and not 0 < _leaves(texts) <= _MOST_LEAVES:
        raise invalid_params(f"value: must have 1 to {_MOST_LEAVES} leaves", {"value": "size"})
    return texts


def _to_texts(value: Any, key: str) -> Any:
    if isinstance(value, Mapping):
        wrong = [name for name in value if not str(name).strip("/") or "//" in str(name)]
        if wrong:
            raise invalid_params(f"value: {wrong[0]!r} is not a valid key", {"value": "name"})
        names = {str(name).strip("/"): inner for name, inner in value.items()}
        return {name: _to_texts(inner, _not_deep(f"{key}/{name}")) for name, inner in names.items()}
    if not isinstance(value, str | int | float) or len(str(value)) > _LONGEST_VALUE:
        raise invalid_params("value: must be a text or a map of texts", {"value": "type"})
    return str(value)


def _leaves(value: Any) -> int:
    return sum(map(_leaves, value.values())) if isinstance(value, dict) else 1


ROUTES: Routes = (
    route("POST", "/config/get", get, superadmin=True),
    route("POST", "/config/set", set_, superadmin=True),
    route("POST", "/config/delete", delete, superadmin=True),
    route("GET", "/config/docker-registries", registries, superadmin=True),
    route("GET", "/resource/container-registries", registries, superadmin=True),
)
