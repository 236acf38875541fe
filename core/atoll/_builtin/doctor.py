"""`doctor`: what works, what does not, and what to do about it."""

from collections.abc import AsyncIterator

import click

from atoll._context import Context
from atoll._errors import AtollError, ExitCode
from atoll._plugins import Provided, load_attribute
from atoll._records import Check, Finding
from atoll.output import Column

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
    stand on. The exit code is that of the first failure. Nothing is started or changed.
    """
    codes: list[int] = []

    async def noted() -> AsyncIterator[Finding]:
        for provided in context.program.registry.collect("atoll_checks"):
            async for finding in _findings(context, provided):
                if finding.status == "failed":
                    codes.append(finding.exit_code)
                yield finding

    await context.output.rows(noted(), _COLUMNS, live=True)
    return codes[0] if codes else ExitCode.OK


async def _findings(context: Context, provided: Provided[Check]) -> AsyncIterator[Finding]:
    """Yield what a check finds; one that breaks is a finding too."""
    record, origin = provided
    try:
        async for finding in load_attribute(record.load, origin)(context):
            yield finding
    except AtollError as error:
        yield Finding(record.name, "failed", error.message, error.hint, error.exit_code)
    except Exception as error:  # noqa: BLE001  # the others shall be made all the same
        yield Finding(record.name, "failed", f"{origin}: {type(error).__name__}: {error}")
