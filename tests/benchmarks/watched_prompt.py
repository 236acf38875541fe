"""Opens the prompt as `atoll` does; at signals it writes down what it has taken so far.

    ATOLL_WATCHED=FILE python tests/benchmarks/watched_prompt.py

At SIGUSR1, a line of JSON is added to the file: how many tasks of trio and of asyncio have not
ended, and how many objects there are that the garbage collector knows. At SIGUSR2, FILE.stacks gets
where each thread and each task is.
"""

import asyncio
import faulthandler
import gc
import json
import os
import signal
import sys
from collections import Counter
from types import FrameType

import trio

from atoll._cli import main


def look(_number: int, _frame: FrameType | None) -> None:
    """Add a line to the file."""
    gc.collect()
    found = gc.get_objects()
    trios = [one for one in found if type(one) is trio.lowlevel.Task and _goes_on(one)]
    asyncios = [one for one in found if isinstance(one, asyncio.Task) and not one.done()]
    figures = {"trio": len(trios), "asyncio": len(asyncios), "objects": len(found)}
    types = Counter(f"{type(one).__module__}.{type(one).__name__}" for one in found)
    with open(os.environ["ATOLL_WATCHED"], "a") as file:  # noqa: PTH123  # a line is added
        file.write(json.dumps({**figures, "types": dict(types.most_common(30))}) + "\n")


def tell_stacks(_number: int, _frame: FrameType | None) -> None:
    """Write where each thread and each task of trio is."""
    with open(f"{os.environ['ATOLL_WATCHED']}.stacks", "a") as file:  # noqa: PTH123  # as above
        faulthandler.dump_traceback(file)
        for one in gc.get_objects():
            if type(one) is trio.lowlevel.Task and _goes_on(one):
                places = (f"{f.f_code.co_filename}:{line}" for f, line in one.iter_await_frames())
                file.write(f"{one.name}: {' > '.join(places)}\n")


def _goes_on(task: trio.lowlevel.Task) -> bool:
    return getattr(task.coro, "cr_frame", None) is not None


signal.signal(signal.SIGUSR1, look)
signal.signal(signal.SIGUSR2, tell_stacks)
sys.argv[0] = "atoll"
main()
