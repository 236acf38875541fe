"""`POST /session/_/create-from-template`: create a session from a template with changes."""

import re
import secrets
from collections.abc import Mapping
from typing import Any

import attrs
from starlette.responses import Response

from atoll_cluster.api.request.call import Call, Routes, route
from atoll_cluster.api.request.params import Params
from atoll_cluster.api.sessions import create
from atoll_cluster.api.sessions.creation import read_script
from atoll_cluster.api.templates.git import clone_script
from atoll_cluster.api.templates.manage import find, no_template
from atoll_cluster.store.templates import SessionTemplate

_SPELLINGS = (
    ("name", "session_name", "clientSessionToken"),
    ("image", "lang"),
    ("architecture", "arch"),
    ("type", "sessionType"),
    ("group", "groupName", "group_name"),
    ("domain", "domainName", "domain_name"),
    ("startupCommand", "startup_command"),
    ("scalingGroup", "scaling_group"),
    ("agent_list", "agentList"),
    ("resource_opts", "resourceOpts"),
)
"""Parameters with several names; each of the names replaces the value of the template."""

_UNSET = (None, "Undefined.token", "$NODEF$")
"""Values that mean a missing value; the client of 21.03 sends these texts for such options."""

_MOUNTS = ("mounts", "mount_map", "mountMap", "mount_ids", "mount_id_map", "mountIdMap")


async def create_from_template(call: Call) -> Response:
    """Create the session, and answer as `POST /session` does."""
    given = _given(call.params.values)
    call = attrs.evolve(call, params=Params(given))
    reference = call.params.required("template_id", "templateId")
    template = find(call, reference)
    if template is None:
        raise no_template(reference)
    usual = _usual(call, template)
    values = _merged(usual, given)
    values["config"] = _merged_config(usual["config"], Params(given).mapping("config"))
    values["bootstrap_script"] = _bootstrap(call, template)
    return await create.create(attrs.evolve(call, params=Params(values)))


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a request without null and placeholders."""
    return {name: values[name] for name in values if values[name] not in _UNSET}


def _usual(call: Call, template: SessionTemplate) -> dict[str, Any]:
    """Return the parameters of a create request with the content of the template."""
    content = template.template
    spec, kernel = content["spec"], content["spec"]["kernel"]
    group = call.cluster.store.accounts.group(template.group_id)
    return {
        "name": _name(template.name),
        "image": kernel["image"],
        "architecture": kernel.get("architecture"),
        "type": spec["session_type"],
        "tag": content["metadata"].get("tag"),
        "group": group.name if group else None,
        "domain": template.domain_name,
        "startupCommand": (kernel.get("run") or {}).get("startup_command"),
        "config": {
            "environ": kernel["environ"],
            "mounts": list(spec["mounts"]),
            "mount_map": {name: path for name, path in spec["mounts"].items() if path},
            "resources": spec["resources"],
            "scalingGroup": spec.get("scaling_group"),
            "agent_list": spec.get("agent_list"),
        },
    }


def _name(text: str) -> str:
    """Create a unique session name from a template's name."""
    return f"{re.sub(r'[^A-Za-z0-9_]+', '-', text)[:48].strip('-') or 'session'}-" + (
        secrets.token_hex(3)
    )


def _merged(usual: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    replaced = {name for names in _SPELLINGS if given.keys() & set(names) for name in names}
    return {name: usual[name] for name in usual if name not in replaced} | dict(given)


def _merged_config(usual: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Merge configurations; each part of the request, such as the mounts, replaces a whole part.

    Official clients always send `mounts`, so an empty list does not replace the mounts of the
    template. To have no mounts at all, clients also send `mount_map`.
    """
    given = _given(given)
    named = given.keys() & set(_MOUNTS)
    if named == {"mounts"} and not given["mounts"]:
        del given["mounts"]
    elif named:
        usual = {name: usual[name] for name in usual if name not in _MOUNTS}
    return _merged(usual, given)


def _bootstrap(call: Call, template: SessionTemplate) -> str | None:
    """Return the bootstrap script of the request or the template, followed by the clone script.

    Only the owner's sessions get the credential, because other users could read it in theirs.
    """
    kernel = template.template["spec"]["kernel"]
    script = read_script(call.params) or (kernel.get("run") or {}).get("bootstrap")
    if git := kernel.get("git"):
        if template.user != call.owner.user.uuid:
            git = {**git, "credential": None}
        script = _both(script or ":", clone_script(git))
    return script


def _both(first: str, second: str) -> str:
    """Return a script that runs two scripts, and fails if one of them fails."""
    return f"{first}\nfirst=$?\n{second}second=$?\nexit $((second ? second : first))\n"


ROUTES: Routes = (route("POST", "/session/_/create-from-template", create_from_template),)
