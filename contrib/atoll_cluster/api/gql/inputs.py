"""Read and check inputs of mutations; an error becomes the answer's `msg`."""

import ast
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import attrs

from atoll_cluster.api.request.safe_json import read_json
from atoll_cluster.scheduler.slots import AmountError, from_text
from atoll_cluster.store.policies import HOST_PERMISSIONS
from atoll_cluster.store.rows import range_of

Props = dict[str, Any]
"""An input object as GraphQL hands it over."""

_LONGEST_PYTHON = 16 * 1024
_SLOTS = frozenset({"total_resource_slots", "max_pending_session_resource_slots", "resource_slots"})
_OTHER_WORDS = {
    "set-user-perm": "set-user-specific-permission",
    "clone-vfolder": "create-vfolder",
}
"""What clients of 26.x call permissions on hosts, and how they are called here."""
_LONGEST_NAME = 128


class Refused(ValueError):
    """The mutation is refused; the text is the `msg` of the answer."""


class NotPermitted(Refused):
    """The caller may not do this to this object, though perhaps to others."""


def read_props(record: type[attrs.AttrsInstance], props: Props) -> Props:
    """Return the input's fields of a record, with JSONStrings decoded.

    A null means that nothing is said. Raises Refused for what a field cannot be.
    """
    fields = attrs.fields_dict(record)
    given = {name: value for name, value in props.items() if value is not None and name in fields}
    for name, value in given.items():
        if name in _SLOTS:
            given[name] = _slots(name, decode(name, value))
        elif name == "allowed_vfolder_hosts":
            given[name] = _hosts(decode(name, value))
        elif fields[name].metadata.get("json"):
            given[name] = _document(fields[name], decode(name, value))
        elif isinstance(value, int | float):
            _check_bounds(fields[name], value)
    return given


def _document(field: "attrs.Attribute[Any]", value: Any) -> Any:
    """Return the value of a JSON field; the client of 21.03 encodes an empty one twice."""
    again = decode(field.name, value)
    kind = type(field.default.factory())  # type: ignore[union-attr]  # which json_field has given
    if kind is not type(None) and not isinstance(again, kind):
        raise Refused(f"{field.name}: {value!r} has the wrong type")
    return again


def _check_bounds(field: "attrs.Attribute[Any]", value: float) -> None:
    least, most = range_of(field)
    if not least <= value <= most:
        raise Refused(f"{field.name}: must be {least} to {most}, not {value}")


def decode(name: str, value: Any) -> Any:
    """Decode a JSONString; old clients send plain lists, or Python's notation."""
    if not isinstance(value, str):
        return value
    for read in (read_json, _read_python):
        with suppress(ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            return read(value)
    raise Refused(f"{name}: {value!r} is not JSON")


def _read_python(text: str) -> Any:
    """Read Python's notation, if JSON could express it too."""
    return read_json(json.dumps(ast.literal_eval(text[:_LONGEST_PYTHON])))


def named(label: str, name: str, *, barred: str = "/") -> str:
    """Return a valid name of something; raises Refused."""
    is_clean = name.strip() and name.isprintable() and not set(barred).intersection(name)
    if not is_clean or len(name) > _LONGEST_NAME:
        raise Refused(f"{name!r} is not a valid name of a {label}")
    return name


def one_of(name: str, value: str, known: Sequence[str]) -> str:
    """Return one of the allowed values; raises Refused."""
    if value not in known:
        raise Refused(f"{name}: {value!r} is not one of {', '.join(known)}")
    return value


def _slots(name: str, value: Any) -> dict[str, str]:
    """Return limits of slots as they are stored: plain numbers, memory in bytes."""
    if not isinstance(value, Mapping):
        raise Refused(f"{name}: must be a map of slots and amounts")
    given = {slot: amount for slot, amount in value.items() if amount is not None}
    finite = {slot: amount for slot, amount in given.items() if amount != "Infinity"}
    if unknown := [slot for slot in finite if slot not in {"cpu", "mem"} and "." not in slot]:
        raise Refused(f"{name}: {unknown[0]!r} is not a slot (such as cpu, mem or cuda.shares)")
    try:
        texts = from_text(finite).as_text()
    except AmountError as error:
        raise Refused(f"{name}: {error}") from None
    return {slot: texts[slot] for slot in finite}


def _hosts(value: Any) -> dict[str, list[str]]:
    """Return hosts and their permissions; a list allows everything on its hosts."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return {str(host): list(HOST_PERMISSIONS) for host in value}
    if not isinstance(value, Mapping):
        raise Refused("allowed_vfolder_hosts: must be a map of hosts and lists of permissions")
    return {str(host): _permissions(host, allowed) for host, allowed in value.items()}


def _permissions(host: str, allowed: Any) -> list[str]:
    if not isinstance(allowed, list):
        raise Refused(f"allowed_vfolder_hosts: {host}: must be a list of permissions")
    names = [_OTHER_WORDS.get(one, one) for one in map(str, allowed)]
    known = [one_of(f"allowed_vfolder_hosts: {host}", name, HOST_PERMISSIONS) for name in names]
    return list(dict.fromkeys(known))
