"""`admin etcd`: the cluster's own configuration, keys separated by slashes."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from atoll import Column, Context, NotFound
from atoll_admin.asking import send
from atoll_admin.consent import agreed, dry_run_option, show_request, yes_option

_VALUE = [Column("value")]
_PAIR = [Column("key", keep=True), Column("value")]


@click.command()
@click.argument("key")
@click.option("-p", "--prefix", is_flag=True, help="All keys that begin with it.")
async def get(context: Context, key: str, prefix: bool) -> None:
    """Show the value of a key, or, with -p, all keys below it (`POST /config/get`)."""
    api = await context.connect()
    answer = await send(api, "POST", "/config/get", {"key": key, "prefix": prefix})
    result = answer["result"]
    if result is None or result == {}:
        raise NotFound(f"no key {key}", hint="" if prefix else "-p shows the keys below it")
    if isinstance(result, Mapping):
        pairs = [{"key": name, "value": value} for name, value in _leaves(key.strip("/"), result)]
        await context.output.rows(pairs, _PAIR, paged=True)
    else:
        # A value alone is what a script wants; the other formats have their own frame.
        await context.output.rows([{"value": result}], _VALUE, format="plain")


def _leaves(path: str, tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the keys of a tree; a node's own value stands in it under an empty name."""
    for name, value in sorted(tree.items()):
        below = f"{path}/{name}" if name else path
        if isinstance(value, Mapping):
            yield from _leaves(below, value)
        else:
            yield below, value


def _changing(command: click.Command) -> click.Command:
    command.params += [dry_run_option(), yes_option()]
    return command


async def _change(
    context: Context, path: str, body: dict[str, Any], *, dry_run: bool, yes: bool, what: str
) -> int:
    if dry_run:
        show_request(context, "POST", path, body)
        return 0
    if not await agreed(context, f"{what} in the cluster's configuration?", yes=yes):
        return 1
    api = await context.connect()
    await send(api, "POST", path, body)
    context.output.note(f"done: {what}")
    return 0


@_changing
@click.command("set")
@click.argument("key")
@click.argument("value")
async def set_key(context: Context, key: str, value: str, dry_run: bool, yes: bool) -> int:
    """Set a key to a value (`POST /config/set`)."""
    body = {"key": key, "value": value}
    what = f"set {key} to {value!r}"
    return await _change(context, "/config/set", body, dry_run=dry_run, yes=yes, what=what)


@_changing
@click.command()
@click.argument("key")
@click.option("-p", "--prefix", is_flag=True, help="All keys that begin with it.")
async def delete(context: Context, key: str, prefix: bool, dry_run: bool, yes: bool) -> int:
    """Delete a key, or, with -p, all keys below it (`POST /config/delete`)."""
    body = {"key": key, "prefix": prefix}
    what = f"delete {'everything below ' * prefix}{key}"
    return await _change(context, "/config/delete", body, dry_run=dry_run, yes=yes, what=what)
