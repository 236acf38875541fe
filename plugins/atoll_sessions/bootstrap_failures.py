"""Failures of what a session runs first: its bootstrap script, or the `git` of its template.

The session runs nevertheless, on every cluster. Only its log tells of the failure, in a line that
the kernels of Backend.AI and of the embedded cluster write.
"""

import re
from typing import TYPE_CHECKING

from atoll import AtollError
from atoll_sessions.log_stream import stream_log

if TYPE_CHECKING:
    from atoll import Api

_ENDED = re.compile(r"(?:(.*)\n)?.*The user bootstrap script has exited with code (-?\d+)")
_KERNEL = re.compile(r"^\S+-kernel: |^$")
"""What begins a line that the script has not printed."""
_KEPT = 8192
"""Characters of the log in which the line is looked for, together with the one before it."""
_LONGEST = 200


async def bootstrap_failure(api: "Api", session_id: str) -> str:
    """Return how what runs first has failed; empty if it has not failed, or if that is not
    known.
    """
    text = ""
    try:
        async for piece in stream_log(api, session_id, None):
            text = text[-_KEPT:] + piece
            if match := _ENDED.search(text):
                return _failure(match[1] or "", int(match[2]))
    except AtollError:
        return ""
    return ""


def _failure(line: str, exit_code: int) -> str:
    if exit_code == 0:
        return ""
    said = "" if _KERNEL.match(line) else f": {line.strip()[:_LONGEST]}"
    return f"exit code {exit_code}{said}"
