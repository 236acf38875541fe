"""The request for a session from a template.

The API lets the request omit what the template contains. But managers of 23.09 and 26.x then fail,
or lose the startup command, so the request repeats everything in the template.
"""

from collections.abc import Mapping
from typing import Any

from atoll_sessions.api import HOLD, parse_mounts, parse_pairs, parse_resources, rarely_given
from atoll_templates.api import Template


def own_config(template: Template) -> dict[str, Any]:
    """Return the template's configuration, with every key."""
    spec = template.template.get("spec") or {}
    kernel = spec.get("kernel") or {}
    return {
        **_mounted(spec.get("mounts") or {}),
        "environ": kernel.get("environ") or {},
        "resources": spec.get("resources") or {},
        "resource_opts": {},
        "scalingGroup": spec.get("scaling_group"),
    }


def given_config(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of options that replace values of the template; raises UsageError."""
    config: dict[str, Any] = {}
    if given["env"] or given["no_env"]:
        config["environ"] = parse_pairs(given["env"], "-e")
    if given["resources"] or given["no_resource"]:
        config["resources"] = parse_resources(given["resources"])
    if given["mounts"] or given["no_mount"]:
        config |= _mounted(parse_mounts(given["mounts"]))
    if given["resource_opts"]:
        config["resource_opts"] = parse_pairs(given["resource_opts"], "--resource-opts")
    if given["scaling_group"]:
        config["scalingGroup"] = given["scaling_group"]
    return config


def _mounted(mounts: Mapping[str, str | None]) -> dict[str, Any]:
    return {
        "mounts": list(mounts),
        "mount_map": {name: path for name, path in mounts.items() if path},
    }


def creation_body(
    template: Template, given: Mapping[str, Any], config: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the body of `POST /session/_/create-from-template`."""
    spec = template.template.get("spec") or {}
    run = (spec.get("kernel") or {}).get("run") or {}
    optional = {
        "type": given["type"] or spec.get("session_type"),
        "domain": given["domain"] or template.domain_name,
        "group": given["group"] or template.group_name,
        "tag": given["tag"] or (template.template.get("metadata") or {}).get("tag"),
        "clusterSize": given["cluster_size"],
        "starts_at": given["starts_at"],
        "startupCommand": given["startup_command"] or run.get("startup_command"),
        "bootstrap_script": run.get("bootstrap") or None,
        "owner_access_key": given["owner"],
        **rarely_given(
            given["priority"], given["timeout"], given["depends"], given["callback_url"]
        ),
    }
    return {
        "template_id": template.id,
        "name": given["name"],
        "image": given["image"],
        "enqueueOnly": given["enqueue_only"],
        "maxWaitSeconds": min(given["max_wait"] or HOLD, HOLD),
        "reuseIfExists": not given["no_reuse"],
        "config": dict(config),
        **{key: value for key, value in optional.items() if value is not None},
    }
