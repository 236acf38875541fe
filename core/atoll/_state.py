"""What the prompt knows of itself, for the toolbar and for the commands that only it has."""

from attrs import define, field

from atoll._jobs import Jobs


@define
class ShellState:
    """What a :class:`~atoll.Status` segment is drawn from.

    `profile_name` is where the next command goes, empty while nothing is configured. `last_code`
    and `last_seconds` are about the last foreground command. `names_old` is true while the names
    that completion offers could not be asked for anew. `leaving` is the exit code to leave the
    prompt with, once a command has asked for that.
    """

    jobs: Jobs = field(factory=Jobs)
    profile_name: str = ""
    last_code: int = 0
    last_seconds: float = 0.0
    names_old: bool = False
    leaving: int | None = None
