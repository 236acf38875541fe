"""Reads a whole file of lines, or searches it."""

import os
import re
import stat
from pathlib import Path

import trio

from atoll._errors import AtollError
from atoll._terminal import Source

_LONGEST = 16 * 1024 * 1024
"""The longest script, in characters."""
_MOVES = re.compile(r"\b(cd|source)\b")
"""Commands that may change the folder: `cd`, and `source`, which runs a file."""


def read_script(file: str) -> str:
    """Return the text of a script; raises AtollError. Call it in a thread, since the file may be a
    pipe.
    """
    try:
        with Path(file).open(encoding="utf-8-sig") as opened:
            text = opened.read(_LONGEST + 1)
    except UnicodeDecodeError:
        raise AtollError(f"{file} is not text in UTF-8") from None
    except OSError as error:
        raise AtollError(f"{file}: {error.strerror}") from None
    if len(text) > _LONGEST:
        raise AtollError(f"{file} is longer than {_LONGEST >> 20} MiB", hint=f"atoll -f {file}")
    return text


async def may_move(script: Source) -> bool:
    """Whether a script may change its folder, as far as its text shows. For a script from a pipe,
    this is not known.
    """
    if script.file is None:
        return any(map(_MOVES.search, script.unread))
    return await trio.to_thread.run_sync(_file_may_move, script.file.fileno())


def _file_may_move(descriptor: int) -> bool:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        return False
    return bool(_MOVES.search(os.pread(descriptor, _LONGEST, 0).decode(errors="replace")))
