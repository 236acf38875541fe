"""Reads a whole file of lines."""

from pathlib import Path

from atoll._errors import AtollError

_LONGEST = 16 * 1024 * 1024
"""Characters."""


def read_script(file: str) -> str:
    """Return the text of a script; raises AtollError. For a thread: it may be a pipe."""
    try:
        with Path(file).open(encoding="utf-8-sig") as opened:
            text = opened.read(_LONGEST + 1)
    except UnicodeDecodeError:
        raise AtollError(f"{file} is no text in UTF-8") from None
    except OSError as error:
        raise AtollError(f"{file}: {error.strerror}") from None
    if len(text) > _LONGEST:
        raise AtollError(f"{file} is longer than {_LONGEST >> 20} MiB", hint=f"atoll -f {file}")
    return text
