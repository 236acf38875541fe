"""`atoll local repair`, and functions for `local status` and `local logs`."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click
import trio

from atoll import AtollError, Context, ExitCode, yes_option
from atoll_cluster.paths import DataDir
from atoll_cluster.put_aside import Entry, PutAside
from atoll_local import launcher

_MOST_SHOWN = 20
_LONGEST_LOG = 4 * 1024 * 1024
"""Most bytes to read from one log file; the program starts a new file long before this size."""


def list_put_aside(data: DataDir) -> list[Entry]:
    """Return the items that are put aside, because the cluster could not finish them."""
    return PutAside.read(data.put_aside).entries


def describe(entries: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each item, with the reason."""
    for entry in islice(entries, _MOST_SHOWN):
        yield f"{entry['what']} {entry['name']}: {entry['reason']}"
    if len(entries) > _MOST_SHOWN:
        yield f"and {len(entries) - _MOST_SHOWN} more"


@click.command()
@click.option("--remove", is_flag=True, help="Delete it permanently instead, with its files.")
@yes_option()
async def repair(context: Context, remove: bool, yes: bool) -> int:
    """Try again what the embedded cluster could not finish and has put aside."""
    data = launcher.data_dir(context.paths)
    entries = await trio.to_thread.run_sync(list_put_aside, data)
    if not entries:
        context.output.note("nothing is put aside")
        return ExitCode.OK
    if remove:
        await _ask(context, entries, yes=yes)
    api = await context.connect("local")
    answer = await api.json("POST", "/local/repair", json={"remove": remove})
    for entry in answer["mended"]:
        done = "removed" if remove else "done"
        context.output.note(f"{entry['what']} {entry['name']}: {done}")
    return _report_rest(context, answer["put_aside"])


async def _ask(context: Context, entries: list[Entry], *, yes: bool) -> None:
    for line in describe([entry.as_json() for entry in entries]):
        context.output.note(line)
    await context.consent("Delete all of this permanently?", yes=yes)


def _report_rest(context: Context, left: list[dict[str, Any]]) -> int:
    if not left:
        return ExitCode.OK
    for line in describe(left):
        context.output.warn(line)
    raise AtollError(
        f"{len(left)} items are still put aside",
        hint="atoll local repair --remove deletes them permanently",
    )


def last_lines(folder: Path, count: int) -> list[str]:
    """Return the last lines of the program's log; raises FileNotFoundError."""
    lines = _lines(folder / "cluster.log")
    for older in (folder / "cluster.log.1", folder / "cluster.log.2"):
        if len(lines) < count and older.exists():
            lines = _lines(older) + lines
    return lines[-count:]


def _lines(path: Path) -> list[str]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _LONGEST_LOG))
        return file.read(_LONGEST_LOG).decode("utf-8", "replace").splitlines(keepends=True)
