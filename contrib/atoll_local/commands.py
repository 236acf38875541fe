"""`atoll local …`: manage the embedded cluster."""

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

import click
import trio
from attrs import evolve

from atoll import AtollError, Context, UsageError, __version__, yes_option
from atoll.output import Column
from atoll_cluster.instance import find_server
from atoll_cluster.paths import DataDir, StartError
from atoll_local import launcher

_STATUS = [
    Column("status"),
    Column("endpoint"),
    Column("pid", "Process"),
    Column("engine"),
    Column("sandbox"),
    Column("pretended", "Simulated"),
    Column("put_aside", "Put aside"),
    Column("data", "Data folder"),
]


@click.command()
@click.option(
    "--slots",
    metavar="SLOT=AMOUNT,…",
    help="Simulate these, now and at later starts: cuda.shares=4,cpu=8. `none` ends that.",
)
@click.option(
    "--engine",
    metavar="NAME",
    help="Where sessions run, now and at later starts. `here` is this machine.",
)
@click.option(
    "--set",
    "settings",
    metavar="NAME=VALUE",
    multiple=True,
    help="A setting of the engine; may be repeated.",
)
async def up(
    context: Context, slots: str | None, engine: str | None, settings: tuple[str, ...]
) -> None:
    """Start the embedded cluster, unless it runs."""
    data = launcher.data_dir(context.paths)
    if slots is not None or engine is not None or settings:
        await trio.to_thread.run_sync(_configure, context, data, slots, engine, settings)
    server = await trio.to_thread.run_sync(find_server, data)
    if server is None:
        sandbox = str(context.settings["local.sandbox"])
        server = await trio.to_thread.run_sync(launcher.start, data, sandbox)
    context.output.note(f"the embedded cluster answers at {server.endpoint}")
    if simulated := launcher.simulated(data):
        context.output.note(f"it simulates {simulated}")


def _configure(
    context: Context,
    data: DataDir,
    slots: str | None,
    engine: str | None,
    settings: Sequence[str],
) -> None:
    """Write the simulated slots, the engine and its settings to the configuration.

    Raises UsageError, and AtollError if the cluster runs with another configuration.
    """
    from atoll_cluster.configuration import read_configuration, write_configuration
    from atoll_local.engines import configured

    try:
        before = read_configuration(data)
    except StartError as error:
        raise AtollError(str(error)) from None
    wanted = before if slots is None else evolve(before, slots=_slots(slots))
    if engine is not None or settings:
        wanted = configured(context, wanted, engine, settings)
    if find_server(data) is None:
        write_configuration(DataDir.prepare(data.root), wanted)
    elif wanted != before:
        what = "slots" if wanted.slots != before.slots else "settings"
        raise AtollError(
            f"the embedded cluster runs with other {what}", hint="stop it first: atoll local down"
        )


def _slots(text: str) -> dict[str, Decimal]:
    from atoll_cluster.configuration import parse_slots
    from atoll_cluster.slots import AmountError

    if not text.strip():
        raise UsageError(
            "--slots: the value is empty", hint="--slots none returns to the machine's own slots"
        )
    try:
        return {} if text.strip() == "none" else parse_slots(text)
    except AmountError as error:
        raise UsageError(f"--slots: {error}") from None


@click.command()
async def down(context: Context) -> None:
    """End the sessions of the embedded cluster and stop it; its data stays."""
    data = launcher.data_dir(context.paths)
    ran = await trio.to_thread.run_sync(launcher.stop, data)
    context.output.note(
        "the embedded cluster is stopped" if ran else "the embedded cluster does not run"
    )


@click.command()
async def status(context: Context) -> None:
    """Show whether the embedded cluster runs, what its sandbox uses, and what is put aside.

    What it could not finish is put aside; `atoll local repair` tries it again.
    """
    from atoll_cluster.engine.sandbox import probe
    from atoll_local.maintenance import describe, list_put_aside

    data = launcher.data_dir(context.paths)
    server = await trio.to_thread.run_sync(find_server, data)
    plain = context.settings["local.sandbox"] == "plain"
    found = await trio.to_thread.run_sync(lambda: probe(force_plain=plain))
    left = await trio.to_thread.run_sync(list_put_aside, data)
    record = {
        "status": "running" if server else "stopped",
        "endpoint": server.endpoint if server else None,
        "pid": server.pid if server else None,
        "engine": await trio.to_thread.run_sync(_engine, context, data),
        "sandbox": str(found),
        "pretended": launcher.simulated(data),
        "put_aside": len(left),
        "data": str(data.root),
    }
    context.output.item(record, _STATUS)
    for line in describe([entry.as_json() for entry in left]):
        context.output.note(f"put aside: {line}")
    if left:
        context.output.note("atoll local repair tries again")


def _engine(context: Context, data: DataDir) -> str | None:
    """Return the engine's name; None if the configuration is invalid, which the start reports."""
    from atoll_cluster.configuration import read_configuration
    from atoll_local.engines import engine_name

    try:
        return engine_name(context, read_configuration(data))
    except StartError:
        return None


@click.command()
@click.option(
    "-n", "--lines", type=click.IntRange(1), default=50, show_default=True, help="How many lines."
)
async def logs(context: Context, lines: int) -> None:
    """Show the end of the embedded cluster's log."""
    from atoll_local.maintenance import last_lines

    folder = launcher.data_dir(context.paths).log_folder
    try:
        last = await trio.to_thread.run_sync(last_lines, folder, lines)
    except FileNotFoundError:
        raise AtollError("there is no log yet", hint="atoll local up starts the cluster") from None
    context.output.stream("stdout", "".join(last))


@click.command()
@yes_option()
async def reset(context: Context, yes: bool) -> None:
    """Stop the embedded cluster and delete all of its data: sessions, files, keys."""
    data = launcher.data_dir(context.paths)
    await context.consent(f"Delete everything in {data.root}?", yes=yes)
    from atoll_local.resetting import reset as delete_all

    await trio.to_thread.run_sync(delete_all, data)
    context.output.note("all data of the embedded cluster is deleted")


@click.command()
@click.option("--no-start", is_flag=True, help="Fail if it does not run.")
@click.option("--engine", metavar="NAME", help="The engine that runs its sessions.")
async def access(context: Context, no_start: bool, engine: str | None) -> None:
    """Print the address and keys of the embedded cluster; start it if needed."""
    from atoll_local.shortcut import remember

    data = launcher.data_dir(context.paths)
    if engine is not None:
        await trio.to_thread.run_sync(_configure, context, data, None, engine, ())
    find = launcher.running if no_start else partial(launcher.offer, say=context.output.note)
    profile = await trio.to_thread.run_sync(find, context.paths)
    if profile is None:
        raise AtollError("the embedded cluster does not run", hint="atoll local up")
    record = {
        "endpoint": profile.endpoint,
        "access_key": profile.access_key,
        "secret_key": profile.secret_key,
        "version": __version__,
    }
    await trio.to_thread.run_sync(remember, data, engine, record)
    context.output.item(record, [Column(name) for name in record])


@click.command()
async def env(context: Context) -> None:
    """Print settings for other clients, for eval "$(atoll local env)"."""
    profile = await trio.to_thread.run_sync(launcher.offer, context.paths, context.output.note)
    values = {
        "BACKEND_ENDPOINT": profile.endpoint,
        "BACKEND_ENDPOINT_TYPE": profile.endpoint_type,
        "BACKEND_ACCESS_KEY": profile.access_key,
        "BACKEND_SECRET_KEY": profile.secret_key,
    }
    for name, value in values.items():
        context.output.stream("stdout", f"export {name}={value}\n")
