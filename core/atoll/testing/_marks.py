"""Chooses the tests that pytest-trio runs."""

from inspect import iscoroutinefunction
from typing import TypeGuard

import pytest

_RUNNERS = ("trio", "anyio", "asyncio")
"""Markers of the plugins that run async tests."""


def mark_for_trio(items: list[pytest.Item]) -> None:
    """Mark the async tests that use the fixture `shell`, except those with another runner's
    marker.
    """
    for item in items:
        named = any(item.get_closest_marker(name) for name in _RUNNERS)
        if is_async(item) and not named and "shell" in item.fixturenames:
            item.add_marker(pytest.mark.trio)


def is_async(item: pytest.Item) -> TypeGuard[pytest.Function]:
    """Tell whether a test is an async function, directly or inside Hypothesis' `given`."""
    if not isinstance(item, pytest.Function):
        return False
    given = getattr(item.function, "hypothesis", None)
    return iscoroutinefunction(given.inner_test if given else item.function)
