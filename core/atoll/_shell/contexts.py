"""The context of what the prompt does by itself: it reads nothing, and starts nothing."""

from typing import TYPE_CHECKING

from attrs import define

from atoll._context import Context
from atoll._errors import Unreachable
from atoll._program import Program
from atoll._state import ShellState
from atoll._terminal import Source

if TYPE_CHECKING:
    from atoll._api import Api


@define
class ShellContext(Context):
    """The context of completion and of background tasks, which no command has begun."""

    async def connect(self, profile: str | None = None) -> "Api":
        """Return the connection to the profile in use, or to another; raises Unreachable where a
        cluster would have to be started.
        """
        api = await self.connect_if_up(profile)
        if api is None:
            raise Unreachable("the cluster in use is not running", hint="atoll profile list")
        return api


def shell_context(program: Program, shell: ShellState) -> Context:
    """Return the context for what runs beside a prompt."""
    return ShellContext(
        program=program,
        output=program.output(),
        stdin=Source(None),
        jobs=shell.jobs,
        foreground=False,
        shell=shell,
    )
