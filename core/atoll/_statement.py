"""What the runner runs."""

from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen


@frozen(kw_only=True)
class Statement:
    """One thing to do: its words, where its input and output go, and the line (from 1) it starts
    on; or `system`, a command of the system's shell, alone. Messages about it begin with `place`;
    `variables` are set for commands of the system.
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
