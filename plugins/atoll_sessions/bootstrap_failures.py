"""Failures of what a session runs first: its bootstrap script, or the `git` of its template.

The session runs nevertheless, on every cluster. Only its log shows the failure: the kernels of
Backend.AI and of the embedded cluster write a line about it.
"""

import re
from typing import TYPE_CHECKING

from atoll import AtollError
from atoll_sessions.log_stream import stream_log

if TYPE_CHECKING:
    from atoll import Api

_ENDED = re.compile(r"(?:(.*)\n)?.*The user bootstrap script has exited with code (-?\d+)")
_KERNEL = re.compile(r"^\S+-kernel: |^$")
"""The beginning of log lines that the kernel writes, not the script."""
_MOST_CHARACTERS = 8192
"""Characters that are kept of the log, to find the line and the line before it."""
_LONGEST = 200


async def bootstrap_failure(api: "Api", session_id: str) -> str:
    """Return how the bootstrap script or the `git` has failed; empty if it has not failed, or if
    that is not known.
    """
    text = ""
    try:
        async for piece in stream_log(api, session_id, None):
            text = text[-_MOST_CHARACTERS:] + piece
            if match := _ENDED.search(text):
                return _failure(match[1] or "", int(match[2]))
    except AtollError:
        return ""
    return ""


def _failure(line: str, exit_code: int) -> str:
    if exit_code == 0:
        return ""
    reason = "" if _KERNEL.match(line) else f": {line.strip()[:_LONGEST]}"
    return f"exit code {exit_code}{reason}"
