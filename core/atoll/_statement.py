"""A statement in the form that the runner needs."""

from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen


@frozen(kw_only=True)
class Statement:
    """One command: its words, its input and output, and the number of its line, from 1.

    With `system`, it is a command of the system's shell, and has no words. All messages about it
    begin with `place`. `variables` are set for commands of the system.
    """

    words: tuple[str, ...]
    line: int = 1
    text: str = ""
    place: str = ""
    source: Path | None = None
    target: Path | None = None
    append: bool = False
    pipe: str = ""
    system: str = ""
    variables: Mapping[str, str] = field(factory=dict)
