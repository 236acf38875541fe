"""Lines that a command runs as part of itself: `watch ps` runs `ps`."""

from typing import TYPE_CHECKING

from attrs import evolve

from atoll._capture import Capture
from atoll._errors import ExitCode, UsageError
from atoll._line import Statement, parse
from atoll._system import run_captured

if TYPE_CHECKING:
    from atoll._runner import Runner


async def run_within(runner: "Runner", line: str, capture: Capture | None) -> int:
    """Run the statements of a line, up to the first that fails; returns the last exit code.

    Raises UsageError for a line that is not in the grammar, or would leave something behind.
    """
    code = int(ExitCode.OK)
    for statement in parse(line):
        if statement.background:
            raise UsageError("a command within another can't go to the background")
        if capture is None:
            code = await evolve(runner, capture=None).run(statement)
        else:
            code = await _captured(runner, statement, capture)
        if code:
            break
    return code


async def _captured(runner: "Runner", statement: Statement, capture: Capture) -> int:
    if statement.system:
        return await run_captured(statement.system, b"", capture)
    if not statement.pipe:
        return await evolve(runner, capture=capture).run(statement)
    # As in a pipe: what is read by a program is not fitted to a screen.
    piped = Capture()
    code = await evolve(runner, capture=piped).run(evolve(statement, pipe=""))
    capture.records += piped.records
    capture.write("stderr", piped.of("stderr"))
    given = piped.of("stdout").encode("utf-8", "surrogateescape")
    return code or await run_captured(statement.pipe, given, capture)
