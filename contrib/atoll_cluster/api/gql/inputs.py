"""Read and check the inputs of mutations; an error becomes the `msg` of the answer."""

import ast
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import attrs

from atoll_cluster.api.request.safe_json import read_json
from atoll_cluster.slots import AmountError, from_text
from atoll_cluster.store.policies import HOST_PERMISSIONS
from atoll_cluster.store.rows import range_of

Props = dict[str, Any]
"""An input object of GraphQL: its values by name."""

_LONGEST_PYTHON = 16 * 1024
_SLOTS = frozenset({"total_resource_slots", "max_pending_session_resource_slots", "resource_slots"})
_OTHER_WORDS = {
    "set-user-perm": "set-user-specific-permission",
    "clone-vfolder": "create-vfolder",
}
"""Names that clients of 26.x use for permissions on hosts, and the names that are stored."""
_LONGEST_NAME = 128


class Refused(ValueError):
    """The mutation is refused; the text is the `msg` of the answer."""


class NotPermitted(Refused):
    """The caller may not do this with this object, but may be allowed to with others."""


def read_props(record: type[attrs.AttrsInstance], props: Props) -> Props:
    """Return the values in an input for the fields of a record; decodes JSONStrings.

    A null counts as missing. Raises Refused for a value that the field cannot have.
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
    """Decode a JSON field once more, because the client of 21.03 encodes an empty one twice."""
    again = decode(field.name, value)
    kind = type(field.default.factory())  # type: ignore[union-attr]  # set by json_field
    if kind is not type(None) and not isinstance(again, kind):
        raise Refused(f"{field.name}: {value!r} has the wrong type")
    return again


def _check_bounds(field: "attrs.Attribute[Any]", value: float) -> None:
    least, most = range_of(field)
    if not least <= value <= most:
        raise Refused(f"{field.name}: must be {least} to {most}, not {value}")


def decode(name: str, value: Any) -> Any:
    """Decode a JSONString; older clients send lists, or a text in Python's notation."""
    if not isinstance(value, str):
        return value
    for read in (read_json, _read_python):
        with suppress(ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            return read(value)
    raise Refused(f"{name}: {value!r} is not JSON")


def _read_python(text: str) -> Any:
    """Read a value in Python's notation, if JSON can also contain it."""
    return read_json(json.dumps(ast.literal_eval(text[:_LONGEST_PYTHON])))


def named(label: str, name: str, *, forbidden: str = "/") -> str:
    """Return a name if it is valid; otherwise raises Refused with the `label` of the object."""
    is_clean = name.strip() and name.isprintable() and not set(forbidden).intersection(name)
    if not is_clean or len(name) > _LONGEST_NAME:
        raise Refused(f"{name!r} is not a valid name of a {label}")
    return name


def one_of(name: str, value: str, known: Sequence[str]) -> str:
    """Return a value if it is one of `known`; otherwise raises Refused."""
    if value not in known:
        raise Refused(f"{name}: {value!r} is not one of {', '.join(known)}")
    return value


def _slots(name: str, value: Any) -> dict[str, str]:
    """Return limits of slots in the form of the store: decimal texts, memory in bytes."""
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
    """Return the permissions on each host; a list of hosts gives all permissions on them."""
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
