"""What a session runs before all else, its bootstrap script or a template's `git`, when it fails.

The session runs nevertheless, on every cluster. Of the failure only its log tells, in the line that
the kernels of Backend.AI write, and those of the embedded cluster.
"""

import re
from typing import TYPE_CHECKING

from atoll import AtollError
from atoll_sessions.printed import printed

if TYPE_CHECKING:
    from atoll import Api

_ENDED = re.compile(r"(?:(.*)\n)?.*The user bootstrap script has exited with code (-?\d+)")
_KERNEL = re.compile(r"^\S+-kernel: |^$")
"""What begins a line that the script has not printed."""
_KEPT = 8192
"""Characters of the log in which the line is looked for, together with the one before it."""
_LONGEST = 200


async def preparation_failure(api: "Api", session_id: str) -> str:
    """Tell how what runs first has failed, empty if it has not, or if nothing is known of it."""
    text = ""
    try:
        async for piece in printed(api, session_id, None):
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
