"""What `doctor` finds in what the user has set."""

from collections.abc import AsyncIterator

from atoll._colors import color_problem
from atoll._context import Context, program_of
from atoll._errors import ExitCode
from atoll._records import Finding

_MOST = 20
"""How many problems are told."""


async def check(context: Context) -> AsyncIterator[Finding]:
    """Yield what is wrong; where nothing is, there is nothing to tell."""
    problems = context.settings.problems()
    for problem in problems[:_MOST]:
        yield Finding("settings", "failed", problem, "atoll config", ExitCode.USAGE)
    if len(problems) > _MOST:
        more = f"{len(problems) - _MOST} more"
        yield Finding("settings", "failed", more, "atoll config", ExitCode.USAGE)
    if problem := color_problem(program_of(context).target):
        yield Finding("color", "absent", problem)
