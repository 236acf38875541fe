"""A file that hands on what is written while other things go on."""

import os
import threading

import pytest
import trio

from atoll._outlet import running_outlet


@pytest.fixture
def pipe():
    """A pipe whose writing end does not block."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with os.fdopen(reading, "rb") as file:
        yield file, writing


async def test_a_fast_writer_waits_for_the_reader(pipe):
    """As soon as `drain` is awaited, and no longer than there is much."""
    reading, writing = pipe
    async with running_outlet(writing) as outlet:
        outlet.write("x" * 1_000_000)
        with trio.move_on_after(0.1) as patience:
            await outlet.drain()
        assert patience.cancelled_caught
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, reading.read, 1_000_000)
            await outlet.drain(all=True)


async def test_threads_wait_where_they_write(pipe):
    """And go on as it is read."""
    reading, writing = pipe
    done = threading.Event()

    def write():
        for _ in range(100):
            outlet.write("x" * 10_000)
        done.set()

    async with running_outlet(writing) as outlet, trio.open_nursery() as nursery:
        nursery.start_soon(trio.to_thread.run_sync, write)
        await trio.to_thread.run_sync(reading.read, 100_000)
        assert not done.is_set()
        await trio.to_thread.run_sync(reading.read, 900_000)
    assert done.is_set()


async def test_order_is_kept(pipe):
    """Of texts and bytes."""
    reading, writing = pipe
    async with running_outlet(writing) as outlet:
        outlet.write("one ")
        outlet.buffer.write(b"two ")
        outlet.write("three \udcff")
    assert reading.read() == b"one two three \\udcff"


async def test_a_closed_reader(pipe):
    """It is told to who waits."""
    reading, writing = pipe

    async def write():
        async with running_outlet(writing) as outlet:
            outlet.write("x" * 1_000_000)
            reading.close()
            await outlet.drain(all=True)

    with pytest.raises(BrokenPipeError):
        await write()


async def test_what_was_written_when_interrupted(pipe):
    """It is handed on, if it is taken at once."""
    reading, writing = pipe
    with trio.CancelScope() as scope:
        async with running_outlet(writing) as outlet:
            outlet.write("whole\n")
            scope.cancel()
            await trio.sleep_forever()
    assert reading.read() == b"whole\n"


async def test_an_interruption_is_not_kept_waiting(pipe, autojump_clock):
    """Nobody reads, and what is left is dropped."""
    _, writing = pipe
    with trio.fail_after(60), trio.CancelScope() as scope:
        async with running_outlet(writing) as outlet:
            outlet.write("x" * 1_000_000)
            scope.cancel()
            await trio.sleep_forever()
