"""Run several functions concurrently."""

from collections.abc import Awaitable, Callable, Iterable

import anyio


async def run_concurrently(works: Iterable[Callable[[], Awaitable[None]]]) -> None:
    """Run all `works` concurrently; at the first error, cancel the others and raise it."""
    failures: list[Exception] = []

    async def do(work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except Exception as failure:  # noqa: BLE001 - raised below
            failures.append(failure)
            tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        for work in works:
            tasks.start_soon(do, work)
    if failures:
        raise failures[0]
