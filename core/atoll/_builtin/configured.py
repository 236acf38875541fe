"""The check of `doctor` for wrong settings."""

from collections.abc import AsyncIterator

from atoll._colors import color_problem
from atoll._context import Context, program_of
from atoll._errors import ExitCode
from atoll._records import Finding

_MOST = 20
"""How many problems are shown."""


async def check(context: Context) -> AsyncIterator[Finding]:
    """Yield the problems of the settings; nothing if there are none."""
    problems = context.settings.problems()
    for problem in problems[:_MOST]:
        yield Finding("settings", "failed", problem, "atoll config", ExitCode.USAGE)
    if len(problems) > _MOST:
        more = f"{len(problems) - _MOST} more"
        yield Finding("settings", "failed", more, "atoll config", ExitCode.USAGE)
    if problem := color_problem(program_of(context).target):
        yield Finding("color", "absent", problem)
