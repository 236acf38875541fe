"""What a line sends to the background."""

from attrs import frozen

from atoll._syntax import AndOr, SimpleCommand
from atoll._variables import Variables


@frozen
class Background:
    """A part of a line, the variables that it begins with, which are its own, and the files that
    `source` has found it in, the innermost last.
    """

    node: SimpleCommand | AndOr
    variables: Variables
    files: tuple[str, ...] = ()

    @property
    def system(self) -> str:
        """The command of the system that it is; empty if it is something else."""
        return self.node.system if isinstance(self.node, SimpleCommand) else ""
