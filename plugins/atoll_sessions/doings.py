"""What the user knows already of sessions, having just done it in the foreground of the prompt.

Nobody needs to be told of it above the prompt when the cluster's event comes.
"""

import time
from collections import OrderedDict
from typing import Literal

from atoll import current_context

Change = Literal["start", "end"]
_REMEMBERED = 120.0
"""Seconds within which an event comes, if it comes."""
_MOST = 10_000

_known: "OrderedDict[tuple[str, Change], float]" = OrderedDict()


def note(session: str, change: Change) -> None:
    """Note that the running command has done this to a session, known by its id or name, and has
    told so. What runs in the background, or at no prompt, is not noted.
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
