"""The check of `doctor` for failures of plugins in completion and background tasks."""

from collections.abc import AsyncIterator

import trio

from atoll._context import Context, program_of
from atoll._failures import Failures
from atoll._records import Finding

_HINT = "atoll --no-plugins leaves it out"


async def check(context: Context) -> AsyncIterator[Finding]:
    """Yield the failures of the last day, except errors that a plugin raises on purpose; nothing if
    there are none.
    """
    found = await trio.to_thread.run_sync(Failures.of(context.paths).all)
    loaded = [one for one in found if one.plugin in program_of(context).registry.origins]
    for failure in loaded:
        what = f"plugin {failure.plugin!r}: {failure}"
        yield Finding("plugins", "absent" if failure.expected else "failed", what, _HINT)
