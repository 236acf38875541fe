"""The two ways to run trio: by itself, and as the guest of an asyncio loop."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import pexpect
import pytest
import sniffio
import trio
import trio.lowlevel

from atoll import AtollError, aio
from atoll._runtime import run, run_guest


@pytest.mark.parametrize("runner", [run, run_guest])
def test_the_result_and_the_arguments_pass(runner):
    async def add(one, other):
        await trio.lowlevel.checkpoint()
        return one + other

    assert runner(add, 1, 2) == 3


@pytest.mark.parametrize("runner", [run, run_guest])
def test_an_exception_ends_the_run(runner):
    async def fail():
        await trio.lowlevel.checkpoint()
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        runner(fail)


@pytest.mark.parametrize("runner", [run, run_guest])
def test_interrupt_lets_trio_clean_up(runner):
    ended = []

    async def worker(started):
        try:
            started.set()
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.lowlevel.checkpoint()
                ended.append("worker")

    async def main():
        async with trio.open_nursery() as nursery:
            started = trio.Event()
            nursery.start_soon(worker, started)
            await started.wait()
            os.kill(os.getpid(), signal.SIGINT)
            try:
                await trio.sleep_forever()
            finally:
                ended.append("main")

    with pytest.raises(KeyboardInterrupt):
        runner(main)
    assert ended == ["main", "worker"]


def test_interrupt_from_outside_wakes_an_idle_guest():
    program = """
import trio
from atoll._runtime import run_guest
async def main():
    print("ready", flush=True)
    try:
        await trio.sleep_forever()
    finally:
        print("cleaned up", flush=True)
try:
    run_guest(main)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGINT)
        rest, _ = child.communicate(timeout=60)
    assert rest.splitlines() == ["cleaned up", "interrupted"]


STARTS = """
import trio
from atoll._runtime import run, run_guest
async def main():
    print("ready", flush=True)
    while True:
        await trio.run_process(["true"], start_new_session=True)
{runner}(main)
"""


@pytest.mark.parametrize("runner", ["run", "run_guest"])
def test_ctrl_z_stops_it_while_it_starts_programs(runner):
    """Its parent hears of that, however far the program has come."""
    command = [sys.executable, "-c", STARTS.format(runner=runner)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, process_group=0) as child:
        try:
            assert child.stdout.readline() == b"ready\n"
            for _ in range(100):
                os.killpg(child.pid, signal.SIGTSTP)
                wait_until(lambda: os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOHANG))
                os.killpg(child.pid, signal.SIGCONT)
                wait_until(lambda: os.waitid(os.P_PID, child.pid, os.WCONTINUED | os.WNOHANG))
        finally:
            os.killpg(child.pid, signal.SIGKILL)


def wait_until(happens):
    deadline = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_aio_awaits_asyncio_code():
    async def on_asyncio(text, *, suffix):
        assert sniffio.current_async_library() == "asyncio"
        await asyncio.sleep(0.001)
        return text + suffix

    async def main():
        assert sniffio.current_async_library() == "trio"
        return await aio(on_asyncio, "a", suffix="b")

    assert run_guest(main) == "ab"


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_exceptions_cross(error):
    async def on_asyncio():
        await asyncio.sleep(0)
        raise error("from asyncio")

    async def main():
        with pytest.raises(error, match="from asyncio"):
            await aio(on_asyncio)
        return "still here"

    assert run_guest(main) == "still here"


def test_cancelling_waits_for_the_asyncio_task_to_end():
    happened = []

    async def on_asyncio(started):
        try:
            started.set()
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            happened.append("asyncio ended")

    async def main():
        started = trio.Event()
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(aio, on_asyncio, started)
                await started.wait()
                scope.cancel()
        happened.append("trio went on")
        return scope.cancelled_caught

    assert run_guest(main)
    assert happened == ["asyncio ended", "trio went on"]


def test_a_result_that_comes_in_spite_of_cancelling_is_not_lost():
    async def stubborn():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "done anyway"

    async def main():
        with trio.move_on_after(0.01):
            return await aio(stubborn)

    assert run_guest(main) == "done anyway"


def test_a_cancelled_scope_does_not_start_asyncio_code_it_would_not_end():
    ran = []

    async def on_asyncio():
        ran.append(True)

    async def main():
        with trio.CancelScope() as scope:
            scope.cancel()
            await aio(on_asyncio)
        return scope.cancelled_caught

    assert run_guest(main)
    assert not ran


def test_tasks_left_on_the_loop_are_ended():
    ended = []

    async def background():
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    async def spawn():
        task = asyncio.ensure_future(background())
        await asyncio.sleep(0)
        return task

    async def main():
        await aio(spawn)

    run_guest(main)
    assert ended == [True]


def test_aio_outside_of_guest_mode_says_so():
    async def main():
        await aio(asyncio.sleep, 0)

    with pytest.raises(AtollError, match="asyncio=True"):
        run(main)


def test_plain_trio_does_not_import_asyncio():
    program = """
import sys, trio
from atoll._runtime import run
run(trio.sleep, 0)
sys.exit("asyncio" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


PROMPT = """
import trio
from prompt_toolkit import PromptSession
from atoll._runtime import aio, run_guest
class Interrupt(Exception): pass
async def main():
    session = PromptSession(interrupt_exception=Interrupt)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        while True:
            try:
                line = await aio(session.prompt_async, "first:")
            except Interrupt:
                print("[interrupt]")
                continue
            except EOFError:
                break
            print(f"[{line.upper()}]")
            with trio.move_on_after(0.05) as scope:
                await aio(session.prompt_async, "late:")
            print(f"[late {scope.cancelled_caught}]")
        nursery.cancel_scope.cancel()
    print("[bye]")
run_guest(main)
"""


def test_a_prompt_works_and_can_be_cancelled(tmp_path):
    script = tmp_path / "prompt.py"
    script.write_text(PROMPT)
    environment = {**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"}
    child = pexpect.spawn(sys.executable, [str(script)], env=environment, timeout=60)
    try:
        child.expect_exact("first:")
        child.send("hello\r")
        child.expect_exact("[HELLO]")
        child.expect_exact("[late True]")
        child.expect_exact("first:")
        child.sendcontrol("c")
        child.expect_exact("[interrupt]")
        child.expect_exact("first:")
        child.sendcontrol("d")
        child.expect_exact("[bye]")
        child.expect(pexpect.EOF)
    finally:
        child.close()
    assert child.exitstatus == 0
