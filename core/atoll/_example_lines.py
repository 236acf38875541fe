"""Formats examples of a command as lines of help."""

from collections.abc import Sequence

from atoll._records import Example
from atoll.text import printable

_ROOM = 78
"""The width of a line of help in characters, without its margin."""


def written(examples: Sequence[Example], program: str) -> list[str]:
    """Return the lines of help for examples; each explanation stands beside its example, or below
    it if there is no room.
    """
    rows = [(printable(f"{program} {one.line}"), printable(one.text)) for one in examples]
    fitting = [len(line) for line, text in rows if len(line) + len(text) + 2 <= _ROOM]
    width = max(fitting, default=0)
    lines: list[str] = []
    for line, text in rows:
        if max(width, len(line)) + len(text) + 2 <= _ROOM:
            lines.append(f"{line:<{width}}  {text}".rstrip())
        else:
            lines += [line, f"    {text}"] if text else [line]
    return lines
