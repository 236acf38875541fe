"""`admin etcd`: the cluster's own configuration, keys separated by slashes."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from atoll import Context, NotFound, UsageError, yes_option
from atoll.output import Column
from atoll_admin.actions import carry_out, dry_run_option
from atoll_admin.requests import send
from atoll_admin.text_output import write_text

_PAIR = [Column("key", keep=True), Column("value")]


@click.command()
@click.argument("key")
@click.option("-p", "--prefix", is_flag=True, help="All keys below it.")
async def get(context: Context, key: str, prefix: bool) -> None:
    """Show the value of a key, or, with -p, all keys below it."""
    api = await context.connect()
    body = {"key": key, "prefix": prefix}
    answer = await send(api, "POST", "/config/get", body, {"result": object})
    result = answer["result"]
    if result is None or result == {}:
        raise NotFound(f"no key {key}", hint="" if prefix else "-p shows the keys below it")
    if isinstance(result, Mapping):
        pairs = [{"key": name, "value": value} for name, value in _leaves(key.strip("/"), result)]
        await context.output.rows(pairs, _PAIR, paged=True)
    elif context.output.format:
        context.output.item({"key": key, "value": result}, _PAIR)
    else:
        await write_text(context, str(result))


def _leaves(path: str, tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the keys of a tree; the value of an inner node is stored in it under an empty name."""
    for name, value in sorted(tree.items()):
        below = f"{path}/{name}" if name else path
        if isinstance(value, Mapping):
            yield from _leaves(below, value)
        else:
            yield below, value


@click.command("set", params=[dry_run_option()])
@yes_option()
@click.argument("key")
@click.argument("value")
async def set_key(context: Context, key: str, value: str, dry_run: bool, yes: bool) -> int:
    """Set a key to a value."""
    return await carry_out(
        context,
        "POST",
        "/config/set",
        {"key": key, "value": value},
        question=f"Set {key} to {value!r} in the cluster's configuration?",
        done=f"{key} is {value!r}",
        dry_run=dry_run,
        yes=yes,
    )


@click.command(params=[dry_run_option()])
@yes_option()
@click.argument("key")
@click.option("-p", "--prefix", is_flag=True, help="All keys below it.")
async def delete(context: Context, key: str, prefix: bool, dry_run: bool, yes: bool) -> int:
    """Delete a key, or, with -p, all keys below it."""
    if not key.strip("/"):
        raise UsageError("give a key; without one, the whole configuration would be deleted")
    what = f"everything below {key}" if prefix else key
    return await carry_out(
        context,
        "POST",
        "/config/delete",
        {"key": key, "prefix": prefix},
        question=f"Delete {what} from the cluster's configuration?",
        done=f"{what} is deleted",
        dry_run=dry_run,
        yes=yes,
    )
