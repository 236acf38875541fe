"""Ctrl-C that comes before a command listens for it."""

import pytest
import trio

from atoll._interrupts import interruptible


async def pressed():
    """Where trio finds that Ctrl-C was pressed, it raises this at the next checkpoint."""
    raise KeyboardInterrupt


async def pressed_deeper():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pressed)
        nursery.start_soon(trio.sleep_forever)


@pytest.mark.parametrize("command", [pressed, pressed_deeper])
async def test_ctrl_c_interrupts_at_any_moment(command):
    """Wherever the command is by then; no traceback comes of it."""
    assert await interruptible(command) == 130


async def test_other_failures_are_not_taken_for_interrupts():
    """They come out as they are."""

    async def fails():
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        await interruptible(fails)
