"""The program's log: one line for each message, whatever it contains."""

import logging
from logging import LogRecord
from typing import Any

_MARGIN = "    "


class LineFormatter(logging.Formatter):
    """Escapes characters that cannot be printed, so that a name cannot imitate a log line.

    The lines of tracebacks are indented, so that they differ from log lines.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: LogRecord) -> str:  # noqa: N802 - the base class's name
        """Return the line of the record."""
        return escaped(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the base class's name
        """Return the traceback with indented lines."""
        return _set_in(super().formatException(ei))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802 - the base class's name
        """Return the stack with indented lines."""
        return _set_in(super().formatStack(stack_info))


def escaped(text: str) -> str:
    """Return a text as one printable line, with Python's escapes."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _set_in(text: str) -> str:
    return "\n".join(_MARGIN + escaped(line) for line in text.split("\n"))
