"""Runs lines for another command: `watch ps` runs `ps`."""

from typing import TYPE_CHECKING

from attrs import evolve

from atoll._capture import Capture
from atoll._statement import Statement
from atoll._system import run_captured as run_system_captured

if TYPE_CHECKING:
    from atoll._runner import Runner


async def run_nested(runner: "Runner", line: str, capture: Capture | None) -> int:
    """Run the statements of a line, up to the first that fails; returns its exit code.

    Raises UsageError for a line that can't be parsed.
    """
    # Imported here, since most commands run no lines.
    from atoll._interpreter import Interpreter
    from atoll._line import parse

    inner = evolve(runner, capture=capture, nested=True)
    return await Interpreter(inner, runner.program.variables).run(parse(line))


async def run_captured(runner: "Runner", statement: Statement, capture: Capture) -> int:
    """Run a command of the system, or a statement with `|`, and capture its output."""
    if statement.system:
        return await run_system_captured(statement.system, b"", capture)
    # As in a pipe, the output is for a program, so it is not fitted to the screen.
    piped = Capture()
    code = await evolve(runner, capture=piped).run(evolve(statement, pipe=""))
    capture.records += piped.records
    capture.write("stderr", piped.of("stderr"))
    given = piped.of("stdout").encode("utf-8", "surrogateescape")
    return code or await run_system_captured(statement.pipe, given, capture)
