"""Reads a whole file of lines, or searches it."""

import os
import re
import stat
from collections.abc import Callable
from functools import partial
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


async def may_move(script: Source) -> Callable[[], bool]:
    """Return a function that tells whether a script may still change its folder, as far as its
    text shows. What has not yet arrived from a pipe may do so.
    """
    if script.file is not None and await trio.to_thread.run_sync(_is_pipe, script.file.fileno()):
        return partial(_rest_may_move, script)
    if script.file is None:
        moves = any(map(_MOVES.search, script.unread))
    else:
        moves = await trio.to_thread.run_sync(_file_may_move, script.file.fileno())
    return lambda: moves


def _is_pipe(descriptor: int) -> bool:
    return not stat.S_ISREG(os.fstat(descriptor).st_mode)


def _rest_may_move(script: Source) -> bool:
    return not script.read_ahead() or any(map(_MOVES.search, script.unread))


def _file_may_move(descriptor: int) -> bool:
    return bool(_MOVES.search(os.pread(descriptor, _LONGEST, 0).decode(errors="replace")))
