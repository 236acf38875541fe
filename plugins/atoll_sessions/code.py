"""The code that is run in a session."""

from typing import TYPE_CHECKING, Any, Self

from attrs import evolve, frozen

if TYPE_CHECKING:
    from atoll import ApiVersion

_FIRST_TO_LOSE = 8
"""The first version of the API whose agents may lose output between the steps of a run."""
_PAUSE = 1
"""The pause before each step, in seconds."""


@frozen(kw_only=True)
class Code:
    """What to run: a snippet in the session's interpreter (`query`), or commands on its files
    (`batch`).
    """

    mode: str
    snippet: str = ""
    clean: str | None = None
    build: str | None = None
    exec: str | None = None

    def __attrs_post_init__(self) -> None:
        """Raise UsageError if something is not valid text."""
        from atoll.urls import not_text

        try:
            "".join(filter(None, (self.snippet, self.clean, self.build, self.exec))).encode()
        except UnicodeEncodeError as error:
            raise not_text(error) from None

    def message(self) -> dict[str, Any]:
        """Return the first message of the stream."""
        steps = {"clean": self.clean, "build": self.build, "exec": self.exec}
        options = steps if self.mode == "batch" else {}
        return {"mode": self.mode, "code": self.snippet, "options": options}

    def paced(self, version: "ApiVersion") -> Self:
        """Return the code, changed so that a cluster of this release loses none of its output.

        An agent of 26.4 drops all output between the end of one step and the manager's call for the
        next, or the end of the run. A pause before each step gives the call time to arrive.
        """
        if version.major < _FIRST_TO_LOSE:
            return self
        return evolve(self, build=_paused(self.build), exec=_paused(self.exec))


def _paused(command: str | None) -> str | None:
    """Put the pause before a command. `*` lets the session choose how to run files; it is no
    command and stays as it is.
    """
    return f"sleep {_PAUSE}; {command}" if command and command != "*" else command
