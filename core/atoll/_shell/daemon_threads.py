"""Runs functions that may block in separate threads, for asyncio code."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import outcome

T = TypeVar("T")


def in_daemon_thread(function: Callable[..., T], *arguments: object) -> "asyncio.Future[T]":
    """Call a function in a thread; returns a future of its result.

    If the thread blocks for ever, for example on a file system that does not answer, the prompt can
    still end. With asyncio's own threads it could not.
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
        with suppress(RuntimeError):  # the loop is closed, since the user has left the prompt
            loop.call_soon_threadsafe(settle, done)

    threading.Thread(target=work, daemon=True).start()
    return future
