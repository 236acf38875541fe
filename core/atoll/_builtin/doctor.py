"""`doctor`: shows what works, what does not, and what the user can do about it."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import click

from atoll._context import Context
from atoll._errors import AtollError, ExitCode
from atoll._plugins import PluginError, Provided, drop, problem_in
from atoll._records import Check, Finding
from atoll.hookspecs import CHECKS
from atoll.output import Column

_CODES = range(256)
_COLUMNS = [
    Column("check", width=14),
    Column("status", width=7),
    Column("detail", keep=True, width=40),
    Column("hint"),
]


@click.command()
async def doctor(context: Context) -> int:
    """Find out why something does not work.

    Goes the way to the cluster in use step by step, and looks at what the embedded cluster would
    stand on. The exit code is that of the first failure. Nothing is changed. A cluster of another
    machine is started, as by any command, and a node of Slurm is asked by a job of a second.
    """
    codes: list[int] = []

    async def noted() -> AsyncIterator[Finding]:
        for provided in context.collect(CHECKS):
            async for finding in _findings(context, provided):
                if finding.status == "failed":
                    codes.append(finding.exit_code)
                yield finding

    await context.output.rows(noted(), _COLUMNS, live=True)
    return codes[0] if codes else ExitCode.OK


async def _findings(context: Context, provided: Provided[Check]) -> AsyncIterator[Finding]:
    """Yield the findings of a check; an error in it is a finding too."""
    name = provided.record.name
    try:
        with provided.guarded(f"its check {name!r}"):
            made: AsyncGenerator[Finding] | None = provided.load()(context)
        if not isinstance(made, AsyncGenerator):
            drop(made)
            raise PluginError(provided.origin, f"its check {name!r} yields no findings")
        async with aclosing(made) as found:
            while (finding := await _next(provided, found)) is not None:
                yield finding
    except AtollError as error:
        yield Finding(name, "failed", error.message, error.hint, error.exit_code)


async def _next(provided: Provided[Check], found: AsyncIterator[Finding]) -> Finding | None:
    with provided.guarded(f"its check {provided.record.name!r}"):
        finding = await anext(found, None)
    if finding is None:
        return None
    problem = problem_in(finding, Finding)
    if not problem and finding.exit_code not in _CODES:
        problem = f"the exit_code of Finding should be from 0 to {_CODES[-1]}"
    if problem:
        raise PluginError(provided.origin, f"its check {provided.record.name!r}: {problem}")
    return finding
