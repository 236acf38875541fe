"""Writes text from the cluster: an announcement, a file, a value."""

from atoll import Context
from atoll.output import Column


async def write_text(context: Context, text: str) -> None:
    """Write a text to standard output: unchanged for programs, and without control characters on a
    terminal.
    """
    if not context.output.stdout.isatty():
        context.output.stream("stdout", text.rstrip("\n") + "\n")
        return
    lines = [{"line": line} for line in text.splitlines()]
    await context.output.rows(lines, [Column("line", keep=True)], format="plain")
