"""`sweep results` and `sweep plot`: show the results of a sweep as a table and as a chart."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import click
import trio

from atoll import AtollError, Context, Name, UsageError
from atoll.output import Column, counted
from atoll_sessions.sweep.commands import find_sweep
from atoll_sessions.sweep.metrics import Metric, MetricType
from atoll_sessions.sweep.results import Chart, Results, chart, gather

_HEIGHT = 20
"""Lines of a chart that is written to a pipe or a file."""
_WIDTH = 80
_metrics = click.option(
    "--metric",
    "metrics",
    multiple=True,
    type=MetricType(),
    metavar="PATTERN",
    help="Find a value in what the cases print: 'loss=(\\S+)'. Repeatable; JSON lines need none.",
)


@click.command()
@click.argument("sweep", required=False, type=Name("sweep"))
@_metrics
async def results(context: Context, sweep: str | None, metrics: tuple[Metric, ...]) -> None:
    """List the parameters of the cases that are done and the values that they printed, of the
    newest sweep if none is named.

    The last value of each name counts. Without --metric, values are taken from lines that are JSON
    objects.
    """
    found = find_sweep(context, sweep)
    names = [name for metric in metrics for name in metric.names]
    gathered = await gather(found, found.progress(), metrics, names)
    if not gathered.names:
        raise UsageError(
            f"no value is found in what the cases of sweep {found.id} have printed",
            hint="--metric 'loss=(\\S+)' finds values by a pattern",
        )
    columns = [_column(name) for name in _names(gathered)]
    await context.output.rows(gathered.all, [*columns, _CASE], paged=True)
    if gathered.left_out:
        context.output.note(gathered.left_out)


_CASE = Column("case", right=True)


def _column(name: str) -> Column:
    return Column(name, name, keep=True, get=lambda one: one.get(name))


def _names(gathered: Results) -> list[str]:
    parameters = list(gathered.sweep.plan.grid.variables)
    return [*parameters, *(name for name in gathered.names if name not in parameters)]


@click.command()
@click.argument("sweep", required=False, type=Name("sweep"))
@click.option("-x", required=True, metavar="NAME", help="The values of the horizontal axis.")
@click.option(
    "-y",
    required=True,
    multiple=True,
    metavar="NAME",
    help="The values of the vertical axis. Repeatable.",
)
@click.option(
    "--by", multiple=True, metavar="NAME", help="Draw a line for each value of this. Repeatable."
)
@_metrics
@click.option("--log-x", is_flag=True, help="Draw x in a logarithmic scale.")
@click.option("--log-y", is_flag=True, help="Draw y in a logarithmic scale.")
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Draw into this file: .png, .svg or .pdf.",
)
async def plot(
    context: Context,
    sweep: str | None,
    x: str,
    y: tuple[str, ...],
    by: tuple[str, ...],
    metrics: tuple[Metric, ...],
    log_x: bool,
    log_y: bool,
    save: Path | None,
) -> None:
    """Draw what has come of a sweep, of the newest if none is named.

    NAME is a parameter, or a value that the cases print: found by --metric, in a line that is a
    JSON object, or where a line says `name=value` or `name: value`. The last value counts. Cases
    that failed are left out.
    """
    _check_file(save)
    found = find_sweep(context, sweep)
    gathered = await gather(found, found.progress(), metrics, _wanted(x, y, by))
    log = "x" * log_x + "y" * log_y
    drawn, without = chart(gathered, x, y, by, log)
    if save is not None:
        await _save(context, drawn, save)
    else:
        await _show(context, drawn)
    for text in filter(None, [gathered.left_out, _without(without)]):
        context.output.note(text)


def _wanted(*names: Any) -> list[str]:
    one, *several = names
    return [one, *(name for group in several for name in group)]


def _without(count: int) -> str:
    return f"{counted(count, 'case')} without a number left out" if count else ""


def _check_file(save: Path | None) -> None:
    from atoll_sessions.sweep.charts import SUFFIXES

    if save is not None and save.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--save {save}: its name has to end with {', '.join(SUFFIXES)}")


async def _save(context: Context, drawn: Chart, path: Path) -> None:
    from atoll_sessions.sweep.charts import as_file

    # In a thread, because matplotlib is slow.
    content = await trio.to_thread.run_sync(as_file, drawn, path.suffix.lower())
    try:
        await trio.Path(path).write_bytes(content)
    except OSError as error:
        raise AtollError(f"{path}: {error.strerror}") from None
    context.output.note(f"drawn into {path}")


async def _show(context: Context, drawn: Chart) -> None:
    from atoll_sessions.sweep.charts import as_text

    width, height, color = _WIDTH, _HEIGHT, False
    if context.output.stdout.isatty():
        size = shutil.get_terminal_size()
        width, height, color = size.columns, size.lines - 2, context.output.color
    draw = partial(as_text, drawn, width, height, color=color)
    context.output.stream("stdout", await trio.to_thread.run_sync(draw))
