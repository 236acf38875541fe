"""What has come of a command: it passed, was refused in a line, or is not there."""

import re

from attrs import frozen

_COLORS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
_ABSENT = re.compile(
    r"(?i)no such api|url not found|cannot query field|does not (know|commit|make|keep|offer|have)"
    r"|has no (?!attribute)|unsupported|not implemented|method not allowed|too old for"
    r"|can't restart sessions"
)
_VARYING = [
    (re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}"), "ID"),
    (re.compile(r"AKIA\w{16}"), "KEY"),
    (re.compile(r"https?://[\w.:]+"), "URL"),
    (re.compile(r"\bw\d{3,}-?(?=[a-z@])"), ""),
    (re.compile(r"/(tmp|root|work)/[^\s'\"]*"), "PATH"),
    (re.compile(r"\b0x[0-9a-f]+"), "ADDRESS"),
    (re.compile(r"\s+"), " "),
]
_MARKS = ("✗", "✘")
"""What some clients begin a line with that tells of a failure; their exit code may be 0."""
_LONGEST = 110


@frozen
class Outcome:
    """A cell of the tables."""

    kind: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}" if self.reason else self.kind


PASSED = Outcome("passed")


def outcome_of(code: int | None, printed: str, *, goes_on: bool) -> Outcome:
    """Judge a command by its exit code, None if it had to be stopped, and what it printed."""
    lines = [line.strip() for line in _COLORS.sub("", printed).splitlines() if line.strip()]
    crashed = any(line.startswith("Traceback (most recent call last)") for line in lines)
    complaints = [line for line in lines if line.startswith((*_MARKS, "atoll: ", "Error: "))]
    if code is None:
        return PASSED if goes_on and not crashed else Outcome("refused", "it did not end")
    if code == 0 and not crashed and not any(line.startswith(_MARKS) for line in lines):
        return PASSED
    # Some clients tell the reason below the line that tells of a failure.
    reason = lines[-1] if crashed or not complaints else _with_next(lines, complaints[-1])
    kind = "absent" if _ABSENT.search(reason) else "refused"
    return Outcome(kind, _steady(reason or f"exit code {code}"))


def _with_next(lines: list[str], complaint: str) -> str:
    place = lines.index(complaint)
    more = lines[place + 1] if place + 1 < len(lines) and len(complaint) < 60 else ""
    return f"{complaint} {more}".lstrip("✗✘ ").removeprefix("atoll: ").removeprefix("Error: ")


def _steady(reason: str) -> str:
    """Leave out of a reason what differs from run to run, and what a table can't hold."""
    for pattern, instead in _VARYING:
        reason = pattern.sub(instead, reason)
    reason = reason.replace("|", "/").replace("`", "'").strip()
    return reason if len(reason) <= _LONGEST else reason[: _LONGEST - 1] + "…"
