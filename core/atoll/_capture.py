"""Captures what a line writes, instead of showing it."""

from collections.abc import Callable, Mapping
from io import TextIOBase
from typing import IO, Any, Literal, cast

from attrs import define, field

Stream = Literal["stdout", "stderr"]
MOST = 4 * 1024 * 1024
"""The most characters that are kept; the rest is lost."""
_MOST_RECORDS = 100_000


@define
class Capture:
    """Keeps what a line writes, up to some megabytes, for the command that runs the line.

    `columns` is the width of the terminal that the line writes for; None for a pipe. `records` are
    the records that its commands emit, by the API's names of their fields.
    """

    columns: int | None = None
    records: list[Mapping[str, Any]] = field(factory=list, init=False)
    _written: list[tuple[Stream, str]] = field(factory=list, init=False)
    _left: int = field(default=MOST, init=False)

    @property
    def keeps_errors(self) -> bool:
        """Whether errors are captured too. If not, they are shown, and the line can read from the
        keyboard.
        """
        return True

    @property
    def whole(self) -> bool:
        """Whether lists are not to be shortened for the screen."""
        return False

    @property
    def writer(self) -> Callable[[str], Callable[..., Any]] | None:
        """The function that makes the writer of records; None for the writer of the chosen
        format.
        """
        return None

    @property
    def text(self) -> str:
        """Everything that was written, in the order of the writes."""
        return "".join(text for _, text in self._written)

    def of(self, stream: Stream) -> str:
        """What was written to one of the streams."""
        return "".join(text for which, text in self._written if which == stream)

    def write(self, stream: Stream, text: str) -> None:
        """Keep a text."""
        if kept := text[: self._left]:
            self._written.append((stream, kept))
            self._left -= len(kept)

    def record(self, record: Mapping[str, Any]) -> None:
        """Keep a record."""
        if len(self.records) < _MOST_RECORDS:
            self.records.append(record)

    def file(self, stream: Stream) -> IO[str]:
        """Return a file that writes to this capture."""
        return cast("IO[str]", _File(self, stream))


class _File(TextIOBase):
    """A file that writes to a capture."""

    def __init__(self, capture: Capture, stream: Stream) -> None:
        self._capture = capture
        self._stream = stream

    def write(self, text: str) -> int:
        """Keep a text."""
        self._capture.write(self._stream, text)
        return len(text)

    def writable(self) -> bool:
        """Return True."""
        return True
