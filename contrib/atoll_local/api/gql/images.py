"""Runtimes of this machine, as GraphQL shows them."""

import platform
from typing import Any

from atoll_local.api.gql.context import Fields, Info
from atoll_local.api.problems import not_found
from atoll_local.cluster import AGENT
from atoll_local.engine.contract import Image, UnknownImageError
from atoll_local.images import REGISTRY, minimum, near


def images(_: Any, info: Info, **args: Any) -> list[Fields]:
    """Resolve `images`: the runtimes found here, none of which serves operations."""
    if args.get("is_operation") or args.get("is_installed") is False:
        return []
    return [image_fields(one) for one in info.context.cluster.engine.images()]


def image(_: Any, info: Info, reference: str | None = None, **args: Any) -> Fields | None:
    """Resolve `image` by any name that a session may ask for."""
    engine = info.context.cluster.engine
    name = reference or args.get("id") or ""
    try:
        return image_fields(engine.resolve(name).image)
    except UnknownImageError as error:
        raise not_found("image", str(error), {"near": near(engine, name)}) from error


def image_fields(image: Image) -> Fields:
    """Return `Image`, and `ImageNode` too: the fields that both have mean the same."""
    name, _, tag = image.canonical.partition(":")
    least = minimum(image).as_text()
    limits = [{"key": slot, "min": amount, "max": None} for slot, amount in least.items()]
    return {
        "id": image.canonical,
        "row_id": None,
        "name": name,
        "humanized_name": name,
        "base_image_name": name,
        "namespace": name,
        "project": None,
        "tag": tag,
        "tags": [],
        "version": image.version,
        "registry": REGISTRY,
        "architecture": platform.machine(),
        "is_local": True,
        "digest": "",
        "labels": [{"key": "ai.backend.runtime-type", "value": image.language}],
        "aliases": list(image.aliases),
        "size_bytes": 0,
        "resource_limits": limits,
        "supported_accelerators": [],
        "installed": True,
        "installed_agents": [AGENT],
        "hash": "",
        "status": "ALIVE",
    }
