"""What another machine has written may be seen late: it is waited for."""

import json

import anyio
import pytest

from atoll_cluster.engine import delayed_files
from atoll_cluster.engine.contract import ExitStatus
from atoll_cluster.engine.folder import KernelFolder
from atoll_cluster.engine.states import Ended

pytestmark = pytest.mark.anyio
END = {"exit_code": 3, "reason": "self-terminated", "printed": 5}


@pytest.fixture
def folder(tmp_path):
    """Return the folder of a kernel that has begun and, as far as can be seen, printed `abc`."""
    made = KernelFolder(tmp_path / "k1")
    made.create()
    (made.run / "supervisor.json").write_text("{}")
    made.log.write_text("abc")
    return made


async def seen(waiting, *arguments, then):
    """Wait until waiting has begun, do `then`, and wait for its end."""
    with anyio.fail_after(delayed_files.VISIBLE_TIMEOUT):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(waiting, *arguments)
            await anyio.wait_all_tasks_blocked()
            assert len(anyio.get_running_tasks()) > 1  # It does not give up before.
            then()


async def test_the_end_of_a_log_is_waited_for(folder):
    (folder.run / "exit.json").write_text(json.dumps(END))
    await seen(delayed_files.wait_for_log, folder, 0, then=lambda: folder.log.write_text("abcde"))


async def test_a_log_is_waited_for_until_it_has_the_reported_size(folder):
    await seen(delayed_files.wait_for_log, folder, 4, then=lambda: folder.log.write_text("abcd"))


async def test_the_record_of_the_end_is_waited_for(folder):
    def tell():
        (folder.run / "exit.json").write_text(json.dumps(END))

    await seen(delayed_files.wait_for_end, folder, then=tell)
    assert folder.exit_status(Ended()) == ExitStatus(3, "self-terminated")
    assert folder.exit_status(Ended("time-limit")) == ExitStatus(3, "time-limit")


async def test_a_kernel_that_never_started_has_no_record_of_its_end(folder):
    (folder.run / "supervisor.json").unlink()
    with anyio.fail_after(delayed_files.VISIBLE_TIMEOUT / 2):
        await delayed_files.wait_for_end(folder)
    assert folder.exit_status(Ended()) == ExitStatus(1, "failed-to-start")
    assert folder.exit_status(Ended("preempted", 15)) == ExitStatus(15, "preempted")
