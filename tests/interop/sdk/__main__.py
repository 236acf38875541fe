"""Runs the table with a session of either kind: `python sdk KIND IMAGE FOLDER`.

It runs under the official client's own Python, and writes a line of JSON for each call: its name,
the first line of the error that it ended with or an empty text, and the shape of what it returned.
"""

import asyncio
import inspect
import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from ai.backend.client.session import AsyncSession, Session
from calls import CALLS, Facts

PATIENCE = 60
"""Seconds that a call may take."""


_DEEPEST = 5


def shape(value: Any, depth: int = 0) -> Any:
    """Return a value without what it says: names and kinds, of a list those of the first item."""
    if isinstance(value, Mapping) and depth < _DEEPEST:
        return {str(name): shape(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [shape(value[0], depth + 1)] if value else []
    if hasattr(value, "total_count"):  # a page of a list
        return {"items": shape(value.items, depth + 1), "total_count": "number"}
    if value is None or isinstance(value, bool):
        return "nothing" if value is None else "flag"
    return "number" if isinstance(value, (int, float)) else "text" * isinstance(value, str)


def tell(name: str, error: Exception | None, result: Any = None) -> None:
    """Write how a call has ended: what kind of error, its status and its first line."""
    line = ""
    if error is not None:
        words = next(iter(str(error).splitlines()), "")
        line = f"{type(error).__name__} {getattr(error, 'status', '')} {words}"[:300]
    print(json.dumps([name, line, shape(result)]), flush=True)


def run(facts: Facts) -> None:
    """Make all calls, one after the other."""
    signal.signal(signal.SIGALRM, give_up)
    with Session() as session:
        for name, call in CALLS.items():
            signal.alarm(PATIENCE)
            try:
                facts.results[name] = call(session, facts)
                tell(name, None, facts.results[name])
            except Exception as error:
                tell(name, error)
            signal.alarm(0)


def give_up(_number: int, _frame: FrameType | None) -> None:
    """End a call that hangs."""
    raise TimeoutError("it hangs")


async def run_async(facts: Facts) -> None:
    """Make all calls of an asynchronous session, one after the other."""
    async with AsyncSession() as session:
        for name, call in CALLS.items():
            try:
                result = call(session, facts)
                if inspect.isawaitable(result):
                    result = await asyncio.wait_for(result, PATIENCE)
                facts.results[name] = result
                tell(name, None, result)
            except Exception as error:
                tell(name, error)


kind, image, folder = sys.argv[1:]
facts = Facts(image, Path(folder))
run(facts) if kind == "sync" else asyncio.run(run_async(facts))
