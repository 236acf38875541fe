"""What the user sees while a sweep runs.

All reports write the output of the cases to files. `Report` does only that. `LabelledReport` also
prints each line when it arrives, with a label that names its case. The table of cases has its own
module.
"""

import os
from typing import TYPE_CHECKING

from attrs import define, field

from atoll import AtollError, Context
from atoll.text import printable
from atoll_sessions.sweep.plan import Case
from atoll_sessions.sweep.progress import CaseState, Progress
from atoll_sessions.sweep.store import Stream, Sweep

if TYPE_CHECKING:
    from atoll_sessions.pictures import Album

_LONGEST_TYPE = 80
"""Characters of a picture's type that are shown."""
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


@define
class Report:
    """Stores the output of the cases, and shows only warnings."""

    context: Context
    sweep: Sweep
    _shown: set[str] = field(factory=set)
    _albums: "dict[int, Album]" = field(factory=dict)
    """The folders for the pictures of each case."""

    async def live(self, progress: Progress) -> None:
        """Keep something on the screen until cancelled; for reports that show something all the
        time.
        """

    def started(self, case: Case) -> None:
        """Delete the output of an earlier attempt."""
        for stream in ("stdout", "stderr"):
            self.sweep.output(case.number, stream).unlink(missing_ok=True)

    def waits(self, case: Case, why: str) -> None:
        """Show why a case does not start."""

    def output(self, case: Case, stream: Stream, text: str) -> None:
        """Store output of a case."""
        path = self.sweep.output(case.number, stream)
        # In a folder that the user has chosen, files get the permissions that the user's own
        # programs would give them.
        mode = 0o666 if self.sweep.plan.out else 0o600
        descriptor = os.open(path, _APPEND, mode)
        with os.fdopen(descriptor, "a", encoding="utf-8", newline="") as file:
            file.write(text)

    def keep(self, case: Case, mime: str, data: str) -> str:
        """Store a picture of a case beside the case's output; returns the text to show in its
        place.
        """
        from atoll_sessions.pictures import Album, Broken, medium

        if case.number not in self._albums:
            folder, mode = self.sweep.output_folder, 0o666 if self.sweep.plan.out else 0o600
            self._albums[case.number] = Album(folder, mode)
        mime = printable(mime)[:_LONGEST_TYPE]
        try:
            kept = self._albums[case.number].keep(medium(mime, data), f"{case.number:04}")
        except (Broken, AtollError) as error:
            return f"{mime}: not kept: {error}"
        return f"{mime} kept as {kept}"

    def ended(self, case: Case, state: CaseState) -> None:
        """Show how a case has ended."""

    def say(self, text: str) -> None:
        """Show a remark."""

    def warn(self, text: str) -> None:
        """Show a warning."""
        self.context.output.warn(text)

    def say_once(self, text: str) -> None:
        """Show a remark once, although several cases make it."""
        if text not in self._shown:
            self._shown.add(text)
            self.say(text)


@define
class LabelledReport(Report):
    """Prints everything line by line; if `echo` is false, output is only stored."""

    echo: bool = True
    _partial: dict[tuple[int, Stream], str] = field(factory=dict)
    _waiting: set[int] = field(factory=set)

    def waits(self, case: Case, why: str) -> None:
        """Show only the first reason of a case, since a full cluster gives another reason every
        second.
        """
        if case.number not in self._waiting:
            self._waiting.add(case.number)
            self.say(f"{case.label} waits: {why}")

    def output(self, case: Case, stream: Stream, text: str) -> None:
        """Print complete lines; an incomplete line waits for its end."""
        super().output(case, stream, text)
        if not self.echo:
            return
        *lines, rest = (self._partial.pop((case.number, stream), "") + text).split("\n")
        if rest:
            self._partial[case.number, stream] = rest
        self._write(case, stream, lines)

    def ended(self, case: Case, state: CaseState) -> None:
        """Print the rest of the case's output, then how the case ended."""
        self._flush(case)
        self.say(f"{case.label} {outcome(state)}")

    def _flush(self, case: Case) -> None:
        for stream in ("stdout", "stderr"):
            if rest := self._partial.pop((case.number, stream), ""):
                self._write(case, stream, [rest])

    def say(self, text: str) -> None:
        """Write a remark to standard error."""
        self.context.output.note(text)

    def _write(self, case: Case, stream: Stream, lines: list[str]) -> None:
        if lines:
            text = "".join(f"{case.label} {line}\n" for line in lines)
            self.context.output.stream(stream, text)


def outcome(state: CaseState) -> str:
    """Return how a case has ended, in a few words."""
    took = f" after {state.seconds:.1f} s" if state.seconds is not None else ""
    if state.error:
        return f"failed{took}: {state.error}"
    return f"ended with exit code {state.exit_code}{took}" if state.exit_code else f"done{took}"
