"""Contexts for completion and background tasks; they have no input, and start no clusters."""

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
    """The context of completion and background tasks, which no command has started."""

    async def connect(self, profile: str | None = None) -> "Api":
        """Return the connection to the profile in use, or to another; raises Unreachable if a
        cluster would have to be started.
        """
        api = await self.connect_if_up(profile)
        if api is None:
            raise Unreachable("the cluster in use is not running", hint="atoll profile list")
        return api


def shell_context(program: Program, shell: ShellState) -> Context:
    """Return a context for a prompt's background work."""
    return ShellContext(
        program=program,
        output=program.output(),
        stdin=Source(None),
        jobs=shell.jobs,
        foreground=False,
        shell=shell,
    )
