"""Types of options for administrators: amounts of slots, JSON, folder hosts."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from atoll import AtollError, UsageError
from atoll_admin.requests import run_query

if TYPE_CHECKING:
    from atoll import Api

# The permissions of 23.09, for clusters that don't return their own list.
_PERMISSIONS = (
    "create-vfolder",
    "modify-vfolder",
    "delete-vfolder",
    "mount-in-session",
    "upload-file",
    "download-file",
    "invite-others",
    "set-user-specific-permission",
)


class Slots(click.ParamType[str]):
    """Amounts of resource slots, `cpu=4,mem=8g` or a JSON object; converted to JSON text."""

    name = "slots"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Return the amounts as JSON."""
        text = str(value).strip()
        if text.startswith("{"):
            return _json_object(self, text, param, ctx)
        pairs = [pair.strip().partition("=") for pair in text.split(",") if pair.strip()]
        for slot, _, amount in pairs:
            if not slot or not amount:
                self.fail(f"{text!r} is not like cpu=4,mem=8g", param, ctx)
        return json.dumps({slot.strip(): amount.strip() for slot, _, amount in pairs})


class Document(click.ParamType[str]):
    """A JSON object; it is checked, and stays text."""

    name = "json"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Return the text if it is a JSON object."""
        return _json_object(self, str(value), param, ctx)


def _json_object(type: click.ParamType[str], text: str, param: Any, ctx: Any) -> str:
    try:
        content = json.loads(text)
    except ValueError as error:
        type.fail(f"{text!r} is not JSON: {error}", param, ctx)
    if not isinstance(content, dict):
        type.fail(f"{text!r} is not a JSON object", param, ctx)
    return text


SLOTS = Slots()
DOCUMENT = Document()


async def host_permissions(api: "Api", hosts: Sequence[str]) -> str | None:
    """Convert folder hosts to JSON; returns None if there are none. Each is given as a JSON map of
    host to permissions, or as a name, which means all permissions.
    """
    if not hosts:
        return None
    found: dict[str, Any] = {}
    for host in hosts:
        if host.lstrip().startswith("{"):
            found.update(_permission_map(host))
        else:
            found[host] = await _all_permissions(api)
    return json.dumps(found)


def _permission_map(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except ValueError as error:
        raise UsageError(f"folder hosts: {text!r} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise UsageError(f"folder hosts: {text!r} is not a JSON object")
    return content


async def _all_permissions(api: "Api") -> Sequence[str]:
    try:
        return await known_permissions(api)
    except AtollError:
        return _PERMISSIONS


async def known_permissions(api: "Api") -> Sequence[str]:
    """Return all permissions that a cluster has on folder hosts."""
    name = "vfolder_host_permission_list"
    answer = await run_query(api, "vfolder_host_permissions", {}, name, {name: [str]})
    return answer[name] if answer else ()


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID, dashed or not."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True
