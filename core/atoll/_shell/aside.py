"""Calls that may take their time, in threads of their own, for asyncio code."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import outcome

T = TypeVar("T")


def aside(function: Callable[..., T], *arguments: object) -> "asyncio.Future[T]":
    """Call a function in a thread; returns what its result or error will be in.

    A thread that stands still, as on a file system that has gone, keeps no prompt from its end:
    asyncio's own threads would.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(done: outcome.Outcome[T]) -> None:
        if future.done():
            return
        if isinstance(done, outcome.Error):
            future.set_exception(done.error)
        else:
            future.set_result(done.unwrap())

    def work() -> None:
        done = outcome.capture(function, *arguments)
        with suppress(RuntimeError):  # the loop is closed: the prompt has been left
            loop.call_soon_threadsafe(settle, done)

    threading.Thread(target=work, daemon=True).start()
    return future
