"""Normalize templates: all spellings of a key become one; unknown keys are kept."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from atoll_cluster.api.request.problems import Problem, invalid_params
from atoll_cluster.api.templates.secrets import split_credential

_KINDS = {"taskTemplate": "taskTemplate", "task_template": "taskTemplate"}
_MOST_REPLICAS = 10_000
_TYPES = frozenset({"interactive", "batch", "inference"})
_Reader = Callable[[Any, str], Any]


def normalize(template: object) -> dict[str, Any]:
    """Return a template with normalized keys; raises Problem 400, which names the wrong key."""
    return _map(
        template,
        "template",
        {
            "api_version": (("api_version", "apiVersion"), _required(_text)),
            "kind": (("kind",), _required(_kind)),
            "metadata": (("metadata",), _required(_metadata)),
            "spec": (("spec",), _required(_spec)),
        },
    )


def normalize_cluster(template: object) -> dict[str, Any]:
    """Return a template of a cluster with normalized keys; raises Problem 400."""
    found = _map(
        template,
        "template",
        {
            "api_version": (("api_version", "apiVersion"), _required(_text)),
            "kind": (("kind",), _required(_one_of("clusterTemplate", "cluster_template"))),
            "mode": (("mode",), _required(_one_of("single-node", "multi-node"))),
            "metadata": (("metadata",), _required(_name)),
            "spec": (("spec",), _required(_cluster_spec)),
        },
    )
    _check_roles(found["spec"]["nodes"])
    return found


def _name(value: Any, where: str) -> Any:
    return _map(value, where, {"name": (("name",), _required(_text))})


def _cluster_spec(value: Any, where: str) -> Any:
    return _map(
        value,
        where,
        {
            "environ": (("environ",), _texts),
            "mounts": (("mounts",), _texts),
            "nodes": (("nodes",), _required(_nodes)),
        },
    )


def _nodes(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(where, "must be a list")
    return [_node(one, f"{where}.{place}") for place, one in enumerate(value)]


def _node(value: Any, where: str) -> Any:
    return _map(
        value,
        where,
        {
            "role": (("role",), _required(_text)),
            "session_template": (("session_template", "sessionTemplate"), _required(_uuid)),
            "replicas": (("replicas",), _count),
        },
    )


def _check_roles(nodes: list[Any]) -> None:
    roles = [node["role"] for node in nodes]
    if len(set(roles)) < len(roles):
        raise _wrong("template.spec.nodes", "can define each role only once")
    if [node["replicas"] for node in nodes if node["role"] == "main"] != [1]:
        raise _wrong("template.spec.nodes", "must have the role main, with one replica")


def _uuid(value: Any, where: str) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError:
        raise _wrong(where, "must be the id of a session template") from None


def _count(value: Any, where: str) -> int:
    text = "1" if value is None else str(value)
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= _MOST_REPLICAS):
        raise _wrong(where, f"must be a number from 1 to {_MOST_REPLICAS}")
    return int(text)


def _one_of(*choices: str) -> _Reader:
    def read(value: Any, where: str) -> str:
        if value not in choices:
            raise _wrong(where, f"must be {' or '.join(choices)}")
        return str(value)

    return read


def _metadata(value: Any, where: str) -> Any:
    return _map(value, where, {"name": (("name",), _required(_text)), "tag": (("tag",), _text)})


def _spec(value: Any, where: str) -> Any:
    return _map(
        value,
        where,
        {
            "session_type": (("session_type", "sessionType", "type"), _session_type),
            "kernel": (("kernel",), _required(_kernel)),
            "scaling_group": (("scaling_group", "scalingGroup"), _text),
            "mounts": (("mounts",), _texts),
            "resources": (("resources",), _texts),
            "agent_list": (("agent_list", "agentList"), _list),
        },
    )


def _kernel(value: Any, where: str) -> Any:
    return _map(
        value,
        where,
        {
            "image": (("image",), _required(_text)),
            "architecture": (("architecture",), _architecture),
            "environ": (("environ",), _texts),
            "run": (("run",), _run),
            "git": (("git",), _git),
        },
    )


def _run(value: Any, where: str) -> Any:
    # The manual of the official client has the spelling "stratup".
    startup = ("startup_command", "startupCommand", "startup", "stratup")
    keys = {"bootstrap": (("bootstrap",), _text), "startup_command": (startup, _text)}
    return None if value is None else _map(value, where, keys)


def _git(value: Any, where: str) -> Any:
    if value is None:
        return None
    git = _map(
        value,
        where,
        {
            "repository": (("repository",), _required(_argument)),
            "commit": (("commit",), _argument),
            "branch": (("branch",), _argument),
            "credential": (("credential",), _credential),
            "destination_dir": (("destination_dir", "destinationDir"), _text),
        },
    )
    git["repository"], credential = split_credential(git["repository"])
    return git | {"credential": git["credential"] or credential}


def _credential(value: Any, where: str) -> Any:
    keys = {"username": (("username",), _text), "password": (("password",), _text)}
    return None if value is None else _map(value, where, keys)


def _map(
    value: Any, where: str, keys: Mapping[str, tuple[tuple[str, ...], _Reader]]
) -> dict[str, Any]:
    """Read a map; unknown keys are kept."""
    if not isinstance(value, Mapping):
        raise _wrong(where, "must be a map")
    spellings = {spelling for names, _ in keys.values() for spelling in names}
    found: dict[str, Any] = {str(key): value[key] for key in value if key not in spellings}
    for name, (names, read) in keys.items():
        given = [value[spelling] for spelling in names if spelling in value]
        if len(given) > 1:
            raise _wrong(f"{where}.{name}", "is given twice, with two spellings")
        found[name] = read(given[0] if given else None, f"{where}.{name}")
    return found


def _required(read: _Reader) -> _Reader:
    def reader(value: Any, where: str) -> Any:
        if value is None or value == "":
            raise _wrong(where, "is required")
        return read(value, where)

    return reader


def _text(value: Any, where: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float):
        raise _wrong(where, "must be a text")
    return str(value)


def _argument(value: Any, where: str) -> str | None:
    """Read a text for the command line of git; refuses a text that looks like an option."""
    text = _text(value, where) or None
    if text and (text.startswith("-") or not text.isprintable()):
        raise _wrong(where, "must not begin with '-' or contain control characters")
    return text


def _texts(value: Any, where: str) -> dict[str, str]:
    if value is None or value == "":
        return {}
    if not isinstance(value, Mapping):
        raise _wrong(where, "must be a map")
    return {str(key): _text(value[key], f"{where}.{key}") or "" for key in value}


def _list(value: Any, where: str) -> list[Any] | None:
    if value is not None and not isinstance(value, list):
        raise _wrong(where, "must be a list")
    return value


def _kind(value: Any, where: str) -> str:
    if value not in _KINDS:
        raise _wrong(where, "must be taskTemplate or task_template")
    return _KINDS[value]


def _session_type(value: Any, where: str) -> str:
    text = (_text(value, where) or "interactive").lower()
    if text not in _TYPES:
        raise _wrong(where, f"must be interactive or batch, not {text!r}")
    return text


def _architecture(value: Any, where: str) -> str:
    return _text(value, where) or "x86_64"


def _wrong(where: str, why: str) -> Problem:
    return invalid_params(f"{where} {why}", {where: why})
