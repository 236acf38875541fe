"""Session templates over the API (`/template/session`, every release)."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from attrs import frozen

from atoll import NotFound
from atoll.reading import record

if TYPE_CHECKING:
    from atoll import Api

HIDDEN = "********"
"""The text that is shown in the place of a password."""
_MAPS: Mapping[str, Any] = {
    "metadata": {},
    "spec": {
        "mounts": {},
        "resources": {},
        "kernel": {"environ": {}, "run": {}, "git": {"credential": {}}},
    },
}
"""The parts of a template that must be maps."""
_ORDER = ("api_version", "kind", "metadata", "spec")


@frozen(kw_only=True)
class Template:
    """A stored template, as lists return it; `template` is its content."""

    id: str
    name: str
    created_at: str | None = None
    is_owner: bool = True
    user_email: str | None = None
    group_name: str | None = None
    domain_name: str | None = None
    template: Mapping[str, Any]

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> Self:
        """Take an entry of the API's list."""
        facts = {
            **entry,
            "id": entry["id"].replace("-", ""),
            "is_owner": bool(entry.get("is_owner")),
            "template": decoded(entry.get("template")),
        }
        return record(cls, facts)

    @property
    def image(self) -> str:
        """The image of its sessions."""
        kernel = (self.template.get("spec") or {}).get("kernel") or {}
        return str(kernel.get("image") or "")


def decoded(template: Any) -> dict[str, Any]:
    """Return a template's content, which some releases return as JSON text.

    Raises TypeError if a value is of another type than the code that reads it expects.
    """
    content = dict(json.loads(template) if isinstance(template, str) else template or {})
    _check(content, _MAPS, "")
    return content


def _check(content: Mapping[str, Any], maps: Mapping[str, Any], where: str) -> None:
    for key, below in maps.items():
        inner = content.get(key)
        if inner is not None and not isinstance(inner, dict):
            raise TypeError(f"{where}{key} is not a map")
        _check(inner or {}, below, f"{where}{key}.")


async def list_templates(api: "Api", *, all: bool = False) -> list[Template]:
    """Return the templates that the cluster shows to the user, sorted by name."""
    found = await api.json(
        "GET", "/template/session", params={"all": all}, like=[Template.from_entry]
    )
    return sorted(found, key=lambda one: one.name)


async def find_template(api: "Api", reference: str) -> Template:
    """Find a template by its id or name; raises NotFound when there is none, or several."""
    templates = await list_templates(api)
    plain = reference.replace("-", "").lower()
    found = [one for one in templates if one.id == plain]
    found = found or [one for one in templates if one.name == reference]
    # If several templates have this name, the user's own one is meant.
    found = [one for one in found if one.is_owner] or found
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(f"{one.id} (of {one.user_email})" for one in found)
        raise NotFound(f"{reference!r} matches several templates", hint=several)
    raise NotFound(
        f"no template has the name or id {reference!r}", hint="atoll sesstpl list lists them"
    )


async def get_content(api: "Api", template: Template, owner: str | None) -> dict[str, Any]:
    """Return the content of a template (`GET /template/session/{id}`)."""
    from atoll.urls import path

    params = {"format": "json", "owner_access_key": owner}
    route = path("template", "session", template.id)
    content = await api.json("GET", route, params=params, like=_content)
    return content or dict(template.template)


def _content(answer: Any) -> dict[str, Any]:
    return decoded(answer.get("template", answer)) if answer else {}


def readable(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template without unset keys, and without its password.

    A cluster returns the destination of a git clone under a name that it does not accept.
    """
    clean: dict[str, Any] = _without_nothing(template)
    git = _git(clean)
    if "dest_dir" in git:
        git["destination_dir"] = git.pop("dest_dir")
    if "credential" in git:
        git["credential"]["password"] = HIDDEN
    # The order in which people write the keys; the cluster's order may differ.
    return {key: clean[key] for key in sorted(clean, key=_place)}


def _place(key: str) -> int:
    return _ORDER.index(key) if key in _ORDER else len(_ORDER)


def with_password(template: dict[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Replace a hidden password, in a template that was shown to the user, by the stored one."""
    credential, stored = _git(template).get("credential"), _git(before).get("credential")
    if credential and stored and credential.get("password") == HIDDEN:
        credential["password"] = stored["password"]
    return template


def hides_password(templates: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether the password in a template is hidden."""
    found = [_git(one["template"]).get("credential") or {} for one in templates]
    return any(credential.get("password") == HIDDEN for credential in found)


def _git(template: Mapping[str, Any]) -> dict[str, Any]:
    kernel = (template.get("spec") or {}).get("kernel") or {}
    return kernel.get("git") or {}


def _without_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _without_nothing(inner) for key, inner in value.items()}
        return {key: inner for key, inner in kept.items() if inner not in (None, {}, [])}
    return value
