"""Remembers what the user has just done to sessions in the foreground of the prompt.

The prompt shows no message for such a change when the cluster's event arrives.
"""

import time
from collections import OrderedDict
from typing import Literal

from atoll import current_context

Change = Literal["start", "end"]
_REMEMBERED = 120.0
"""Seconds for which a change is remembered; its event arrives within this time, or never."""
_MOST = 10_000

_known: "OrderedDict[tuple[str, Change], float]" = OrderedDict()


def note(session: str, change: Change) -> None:
    """Remember that the running command has changed this session (by id or name), and has told the
    user. Nothing is remembered in the background, or without a prompt.
    """
    context = current_context.get()
    if context is None or context.shell is None or not context.foreground:
        return
    _known[session, change] = time.monotonic()
    _known.move_to_end((session, change))
    if len(_known) > _MOST:
        _known.popitem(last=False)


def is_known(session: str, change: Change) -> bool:
    """Whether the user has just done this to a session."""
    when = _known.get((session, change))
    return when is not None and time.monotonic() - when < _REMEMBERED
