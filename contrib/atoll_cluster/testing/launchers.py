"""The tests that every launcher must pass."""

from collections.abc import Callable
from typing import Any

import anyio
import pytest

from atoll_cluster.engine.contract import (
    ExitStatus,
    Finished,
    ServiceRefused,
)
from atoll_cluster.engine.kernels import KernelEngine
from atoll_cluster.engine.states import Ended, Running, Task
from atoll_cluster.engines import KernelGone
from atoll_cluster.testing.talk import KernelTalk, free_port, until

_ECHO = """
import socket, threading
def answer(one):
    got = b""
    while data := one.recv(65536): got += data
    one.sendall(b"heard " + str(len(got)).encode()); one.close()
server = socket.create_server(("127.0.0.1", PORT))
threading.Thread(target=lambda: [answer(server.accept()[0]) for _ in range(9)], daemon=True).start()
"""
_ANSWER_TO_SIGNAL = """
import pathlib, signal, sys
def leave(*_):
    pathlib.Path("left").write_text("in order")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("stays", flush=True)
while True: signal.pause()
"""
_LARGE_SIZE = 8 * 1024 * 1024


@pytest.mark.anyio
class LauncherTests(KernelTalk):
    """Base of a class named `Test…`, which must set the attributes described in `KernelTalk`."""

    async def test_code_runs_and_its_exit_code_comes_back(self, engine: KernelEngine) -> None:
        kernel = await self.started(engine)
        assert await self.query(kernel, "x = 6; print(x * 7)") == "42\n"
        assert await self.query(kernel, "print(x)") == "6\n"
        run = await kernel.execute("batch", "", {"exec": "echo out; echo err >&2; exit 3"})
        printed, code = await self.told(run)
        assert sorted(printed.split()) == ["err", "out"]
        assert code == 3

    async def test_much_comes_through_whole(self, engine: KernelEngine) -> None:
        kernel = await self.started(engine)
        printed = await self.query(kernel, f"print('x' * {_LARGE_SIZE})")
        assert printed == "x" * _LARGE_SIZE + "\n"

    async def test_several_talk_to_a_kernel_at_a_time(self, engine: KernelEngine) -> None:
        kernel = await self.started(engine)
        run = await kernel.execute("query", "input('who? ')", {})
        terminal = await kernel.open_terminal()
        try:
            await terminal.write(b"echo $((40 + 2))\n")
            shown = b""
            with anyio.fail_after(self.deadline):
                while b"42" not in shown:
                    shown += await terminal.read()
            assert await kernel.idle_for() is None
            await run.send_input("me")
            assert (await self.told(run))[1] == 0
        finally:
            await terminal.aclose()

    async def test_code_is_interrupted(self, engine: KernelEngine) -> None:
        kernel = await self.started(engine)
        sleep = "print('now', flush=True)\nimport time; time.sleep(99)"
        run = await kernel.execute("query", sleep, {})
        events = run.events()
        with anyio.fail_after(self.deadline):
            await until(events, "now")
            await run.interrupt()
            last = [event async for event in events][-1]
        assert isinstance(last, Finished)
        assert last.exit_code != 0

    async def test_a_service_is_reached_and_hears_the_end_of_its_input(
        self, engine: KernelEngine
    ) -> None:
        port = free_port()
        kernel = await self.started(engine, preopen_ports=(port,))
        await self.query(kernel, _ECHO.replace("PORT", str(port)))
        for size in (0, 1, 3_000_000):
            connection = await kernel.connect(str(port), port)
            try:
                answer = await self.exchange(connection.sock, b"y" * size)
            finally:
                connection.close()
            assert answer == f"heard {size}".encode()

    async def test_where_nobody_listens_is_refused(self, engine: KernelEngine) -> None:
        port = free_port()
        kernel = await self.started(engine, preopen_ports=(port,))
        with pytest.raises(ServiceRefused):
            await kernel.connect(str(port), port)

    async def test_what_is_printed_is_in_the_log(self, engine: KernelEngine) -> None:
        kernel = await self.started(engine)
        await self.query(kernel, "print('for the record')")
        assert b"for the record\n" in await self.log(engine)
        await kernel.stop(forced=True)
        assert b"for the record\n" in await self.log(engine)

    async def test_programs_are_asked_to_end_first(self, engine: KernelEngine) -> None:
        kernel = await self.started(engine)
        run = await kernel.execute("query", _ANSWER_TO_SIGNAL, {})
        events = run.events()
        with anyio.fail_after(self.deadline):
            await until(events, "stays")
            status = await kernel.stop()
        await run.aclose()
        assert status.reason == "user-requested"
        assert (kernel.home / "left").read_text() == "in order"

    async def test_a_kernel_is_ended_at_once(self, engine: KernelEngine) -> None:
        kernel = await self.started(engine)
        with anyio.fail_after(self.deadline):
            assert (await kernel.stop(forced=True)).reason == "force-terminated"
        with pytest.raises(KernelGone):
            await kernel.execute("query", "1", {})

    async def test_a_kernel_that_ends_by_itself_is_told_of(self, engine: KernelEngine) -> None:
        kernel = await self.started(engine)
        run = await kernel.execute("query", "import os; os.kill(os.getppid(), 9)", {})
        await run.aclose()
        assert await self.ended(kernel) == ExitStatus(137, "self-terminated")

    async def test_a_kernel_does_its_task_by_itself_and_ends_with_it(
        self, engine: KernelEngine
    ) -> None:
        kernel = await self.started(engine, task=Task("t", "echo done; exit 7"))
        assert await self.ended(kernel) == ExitStatus(7, "task-failed")
        assert b"done\n" in await self.log(engine)

    async def test_an_ended_kernel_is_started_again_in_its_home(self, engine: KernelEngine) -> None:
        kernel = await self.started(engine)
        await self.query(kernel, "open('kept', 'w').write('before')")
        await kernel.stop(forced=True)
        with anyio.fail_after(self.deadline):
            again = await engine.restart(self.spec(engine))
        assert await self.query(again, "print(open('kept').read())") == "before\n"

    async def test_what_a_kernel_takes_is_measured(self, engine: KernelEngine) -> None:
        kernel = await self.started(engine)
        await self.query(kernel, "sum(range(10**7))")
        usage = (await engine.measure(["k1"]))["k1"]
        assert usage.memory > 0
        assert usage.cpu_used > 0

    @pytest.mark.usefixtures("machines")
    async def test_machines_have_names_and_amounts(self, engine: KernelEngine) -> None:
        found = await self.nodes(engine)
        assert len({one.name for one in found}) == len(found) > 0
        for one in found:
            assert one.slots["cpu"] > 0
            assert set(one.used or ()) <= set(one.slots)
            assert one.is_alive or not one.is_open

    @pytest.mark.usefixtures("machines")
    async def test_a_kernel_runs_on_one_of_the_machines(self, engine: KernelEngine) -> None:
        await self.started(engine)
        with anyio.fail_after(self.deadline):
            state = await engine.launcher.watch("k1", None)
        assert isinstance(state, Running)
        assert state.node in {one.name for one in await self.nodes(engine)}

    async def test_the_next_program_finds_what_runs(self, opened: Callable[[], Any]) -> None:
        async with opened() as first:
            kernel = await self.started(first)
            await self.query(kernel, "kept = 'in memory'")
        async with opened() as second:
            with anyio.fail_after(self.deadline):
                found = await second.adopt(self.spec(second))
            assert not isinstance(found, ExitStatus)
            assert await self.query(found, "print(kept)") == "in memory\n"
            await found.stop(forced=True)

    async def test_the_next_program_learns_what_has_ended(self, opened: Callable[[], Any]) -> None:
        async with opened() as first:
            kernel = await self.started(first)
            await kernel.stop(forced=True)
        async with opened() as second:
            with anyio.fail_after(self.deadline):
                found = await second.adopt(self.spec(second))
            assert isinstance(found, ExitStatus)
            assert found.reason == "force-terminated"

    async def test_of_an_unknown_kernel_there_is_nothing(self, engine: KernelEngine) -> None:
        with anyio.fail_after(self.deadline):
            assert await engine.launcher.watch("nobody", None) == Ended()
            await engine.launcher.end("nobody", grace=0)
        with pytest.raises(KernelGone):
            await engine.launcher.connect("nobody", "kernel.sock")

    @pytest.mark.usefixtures("queue")
    async def test_who_has_no_place_waits_with_a_reason(self, engine: KernelEngine) -> None:
        first, *_ = await self.fill(engine)
        async with self.starting(engine, "late") as late:
            with anyio.fail_after(self.deadline):
                await late.waits.wait()
                assert late.reasons[-1]
                await first.stop(forced=True)
                await late.runs.wait()

    @pytest.mark.usefixtures("queue")
    async def test_who_waits_can_be_ended(self, engine: KernelEngine) -> None:
        await self.fill(engine)
        async with self.starting(engine, "late") as late:
            with anyio.fail_after(self.deadline):
                await late.waits.wait()
        with anyio.fail_after(self.deadline):
            found = await engine.adopt(self.spec(engine, "late"))
            assert not isinstance(found, ExitStatus)
            await found.stop(forced=True)
            assert isinstance(await engine.launcher.watch("late", None), Ended)

    @pytest.mark.usefixtures("queue")
    async def test_the_next_program_goes_on_waiting(self, opened: Callable[[], Any]) -> None:
        async with opened() as first:
            await self.fill(first)
            async with self.starting(first, "late") as late:
                with anyio.fail_after(self.deadline):
                    await late.waits.wait()
        async with opened() as second:
            async with self.starting(second, "late") as late:
                with anyio.fail_after(self.deadline):
                    await late.waits.wait()
                    await second.discard("k1")
                    await late.runs.wait()
            for kernel_id in second.found():
                await second.discard(kernel_id)
