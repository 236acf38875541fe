"""Images in GraphQL: the runtimes of the engine, their aliases, and scans for runtimes."""

import platform
from typing import Any

import anyio.to_thread

from atoll_cluster.api.gql.context import Context, Fields, Info
from atoll_cluster.api.gql.entities import Resolvers
from atoll_cluster.api.gql.inputs import NotPermitted, Refused, named
from atoll_cluster.api.gql.mutations import Mutation
from atoll_cluster.api.request.background import BackgroundTask
from atoll_cluster.api.request.problems import not_found
from atoll_cluster.cleanup import delete_image
from atoll_cluster.cluster import Cluster
from atoll_cluster.engine.contract import Image, UnknownImageError
from atoll_cluster.images import REGISTRY, minimum
from atoll_cluster.store.administration import DELETING, CommittedImage, ForgottenImage, ImageAlias
from atoll_cluster.supervision import retry_while_unavailable


def images(_: Any, info: Info, **args: Any) -> list[Fields]:
    """Resolve `images`; no image of this cluster is an operation image."""
    if args.get("is_operation") or args.get("is_installed") is False:
        return []
    return [image_fields(info.context, one) for one in _offered(info.context)]


def customized_images(_: Any, info: Info) -> list[Fields]:
    """Resolve `customized_images`, the images made from sessions; since 24.03."""
    return [image_fields(info.context, one) for one in _offered(info.context) if one.home]


def image(_: Any, info: Info, reference: str | None = None, **args: Any) -> Fields | None:
    """Resolve `image` by any name that sessions can use."""
    ctx, images = info.context, info.context.cluster.images
    name, user = reference or args.get("id") or "", info.context.caller.user
    try:
        wanted = images.resolve(name, user).image.canonical
    except UnknownImageError as error:
        raise not_found("image", str(error), {"near": images.near(name, user)}) from error
    return image_fields(ctx, next(one for one in _offered(ctx) if one.canonical == wanted))


def image_fields(ctx: Context, image: Image) -> Fields:
    """Return `Image`, which is also used for `ImageNode`, because their fields mean the same."""
    committed = ctx.store.tables.committed.get(image.home) if image.home else None
    fields = _runtime_fields(image) | {"installed_agents": _agents(ctx)}
    return fields | _committed_fields(ctx, committed, fields) if committed else fields


def _committed_fields(ctx: Context, image: CommittedImage, fields: Fields) -> Fields:
    owner = ctx.user(image.owner)
    labels = {
        "ai.backend.customized-image.id": image.id,
        "ai.backend.customized-image.name": image.name,
        "ai.backend.customized-image.owner": f"user:{image.owner}",
        "ai.backend.customized-image.user.email": owner.email if owner else "",
    }
    own = [{"key": key, "value": value} for key, value in labels.items()]
    return {
        "base_image_name": image.base.partition(":")[0],
        "labels": [*fields["labels"], *own],
        "size_bytes": image.size,
    }


def _runtime_fields(image: Image) -> Fields:
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
        "hash": "",
        "status": "ALIVE",
    }


def _agents(ctx: Context) -> list[str]:
    """Return the names of the known agents; each agent has the same images."""
    agent = ctx.cluster.machine.agent
    return [one.name for one in ctx.cluster.nodes.known] if agent is None else [agent]


def _alias(ctx: Context, alias: str, target: str, **_: Any) -> Fields:
    taken = {name for one in _offered(ctx) for name in (one.canonical, *one.aliases)}
    if alias in taken:
        raise Refused(f"image alias {alias!r} exists already")
    canonical = _exact(ctx, target).canonical
    row = ImageAlias(alias=named("alias of an image", alias, forbidden=" "), target=canonical)
    ctx.store.tables.aliases.add(row)
    return {}


def _dealias(ctx: Context, alias: str) -> Fields:
    if not ctx.store.tables.aliases.delete(alias):
        raise Refused(f"no matching image alias: {alias}")
    return {}


def _forget(ctx: Context, reference: str, **_: Any) -> Fields:
    _forget_one(ctx, _exact(ctx, reference))
    return {}


def _forget_by_id(ctx: Context, image_id: str, **_: Any) -> Fields:
    found = _exact(ctx, image_id)
    fields_before = image_fields(ctx, found)
    _forget_one(ctx, found)
    return {"image": fields_before}


def _clear(ctx: Context, registry: str | None = None) -> Fields:
    """Hide all runtimes of a registry; there is only one registry."""
    if registry in {None, REGISTRY}:
        for one in _offered(ctx):
            if not one.home:
                _forget_one(ctx, one)
    return {}


def _forget_one(ctx: Context, found: Image) -> None:
    """Hide a runtime (superadmins only), or delete an image made from a session."""
    if found.home:
        _delete(ctx, found, found.home)
    elif ctx.caller.is_superadmin:
        ctx.store.tables.forgotten.add(ForgottenImage(name=found.canonical))
    else:
        raise NotPermitted


def _delete(ctx: Context, found: Image, image_id: str) -> None:
    users = [one.name for one in ctx.store.sessions.unfinished() if one.image == found.canonical]
    if users:
        raise Refused(f"{found.canonical} is in use by session {users[0]}: end it first")
    ctx.store.tables.committed.update(image_id, {"status": DELETING})
    ctx.store.db.afterwards(lambda: delete_image(ctx.cluster, image_id))


def _remember_all(cluster: Cluster) -> None:
    with cluster.store.db.transaction():
        for one in cluster.store.tables.forgotten.select():
            cluster.store.tables.forgotten.delete(one.name)


def _rescan(ctx: Context, registry: str | None = None, **_: Any) -> Fields:
    if registry not in {None, REGISTRY}:
        raise Refused(f"no matching registry: {registry} (there is {REGISTRY})")
    cluster = ctx.cluster

    async def scan(task: BackgroundTask) -> str:
        task.report(0, 1, "scanning the machine")
        found = await anyio.to_thread.run_sync(cluster.engine.rescan)
        await retry_while_unavailable(lambda: _remember_all(cluster))
        task.report(len(found), len(found), f"found {len(found)} images")
        return f"{len(found)} images"

    return {"task_id": ctx.background.start(ctx.caller.user.uuid, scan)}


def _load(ctx: Context, references: list[str], target_agents: list[str]) -> Fields:
    """Check only the names, because the runtimes are already installed."""
    for reference in references:
        _exact(ctx, reference)
    if unknown := [one for one in target_agents if one not in _agents(ctx)]:
        raise Refused(f"no matching agent: {unknown[0]}")

    async def rest(_: BackgroundTask) -> str:
        return "the images of this cluster are runtimes of the machine and cannot be loaded"

    return {"task_id": ctx.background.start(ctx.caller.user.uuid, rest)}


def _modify(ctx: Context, target: str, **_: Any) -> Fields:
    found = _exact(ctx, target)
    raise Refused(f"{found.canonical} is a runtime of this machine and cannot be changed")


def _offered(ctx: Context) -> list[Image]:
    return ctx.cluster.images.offered(ctx.caller.user)


def _exact(ctx: Context, name: str) -> Image:
    """Return the image with exactly this name; raises Refused if there is none."""
    for one in _offered(ctx):
        if name in {one.canonical, *one.aliases, f"{REGISTRY}/{one.canonical}", one.home}:
            return one
    names = ", ".join(ctx.cluster.images.near(name, ctx.caller.user)[:3])
    raise Refused(f"no matching image: {name}" + (f" (did you mean {names}?)" if names else ""))


QUERIES: Resolvers = {
    "image": image,
    "images": images,
    "customized_images": customized_images,
}
MUTATIONS = {
    "alias_image": Mutation(_alias),
    "dealias_image": Mutation(_dealias),
    "forget_image": Mutation(_forget, for_everybody=True),
    "forget_image_by_id": Mutation(_forget_by_id, for_everybody=True),
    "purge_image_by_id": Mutation(_forget_by_id, for_everybody=True),
    "clear_images": Mutation(_clear),
    "rescan_images": Mutation(_rescan, for_domain_admins=True),
    "preload_image": Mutation(_load),
    "unload_image": Mutation(_load),
    "modify_image": Mutation(_modify),
}
