"""`start --note TEXT`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from atoll import Context

note = click.Option(["--note"], metavar="TEXT", help="What the session is for.")


@asynccontextmanager
async def noting(context: Context, text: str) -> AsyncIterator[None]:
    """Tell what it is for, and how the start ended."""
    yield
    context.output.note(f"noted: {text} ({context.exit_code})")
