"""Interpreters end as Python ends, whoever ends them; other programs are asked before."""

import signal

import anyio
import pytest

from atoll_cluster.engine.contract import ExitStatus

pytestmark = pytest.mark.anyio

WRITE = "f = open('it', 'w'); n = f.write('hi\\n' * 10)"
ATEXIT = "import atexit; r = atexit.register(lambda: open('it', 'w').write('hi\\n' * 10))"
THREAD = """
import threading, time
def late():
    time.sleep(0.3)
    open('it', 'w').write('hi\\n' * 10)
threading.Thread(target=late).start()
"""
GLOBAL = """
class SchedulerInterface:
    def __del__(self, open=open): open('it', 'w').write('hi\\n' * 10)
scheduler = SchedulerInterface()
"""
NESTED = """
import os, subprocess, time
trap = "trap 'sleep 0.5; yes hi | head -10 > it; exit' TERM;"
loop = ": > begun; while :; do sleep 0.05; done"
child = subprocess.Popen(["sh", "-c", trap + loop])
while not os.path.exists("begun"):
    time.sleep(0.01)
"""


@pytest.fixture(params=["bubblewrap", "plain"])
def engine(request, make_engine):
    """Make an engine of either kind, whose programs have enough time to end on a busy machine."""
    engine = make_engine(plain=request.param == "plain", grace=60)
    if engine.probe.tier != request.param:
        pytest.skip(str(engine.probe))
    return engine


@pytest.mark.parametrize("code", [WRITE, ATEXIT, THREAD, GLOBAL, NESTED])
async def test_open_files_of_idle_code_are_written(engine, started, query, code):
    async with started(engine) as kernel:
        assert (await query(kernel, code)).exit_code == 0
        with anyio.fail_after(60):
            assert await kernel.stop() == ExitStatus(0, "user-requested")
        assert (kernel.home / "it").read_text() == "hi\n" * 10


RUNNING = "import time; print('on', flush=True)"


@pytest.mark.parametrize(
    "code",
    [
        f"{WRITE}\n{RUNNING}\ntime.sleep(60)",
        f"{WRITE}\n{RUNNING}\nwhile True: pass",
        f"{ATEXIT}\n{RUNNING}\ninput()",
        f"with open('it', 'w') as f:\n  f.write('hi\\n' * 10); {RUNNING}; time.sleep(60)",
        f"try: {RUNNING}; time.sleep(60)\nfinally: open('it', 'w').write('hi\\n' * 10)",
    ],
)
async def test_open_files_of_running_code_are_written(engine, started, until, code):
    async with started(engine) as kernel:
        run = await kernel.execute("query", code, {})
        await until(run.events(), "on\n")
        with anyio.fail_after(60):
            assert await kernel.stop() == ExitStatus(0, "user-requested")
        assert (kernel.home / "it").read_text() == "hi\n" * 10


async def test_an_endless_thread_is_ended_after_the_grace_period(make_engine, started, query):
    async with started(make_engine(grace=0.5)) as kernel:
        code = f"{WRITE}\nimport threading; threading.Thread(target=threading.Event().wait).start()"
        await query(kernel, code)
        with anyio.fail_after(60):
            assert await kernel.stop() == ExitStatus(137, "user-requested")


async def test_a_program_of_another_language_gets_sigterm_first(engine, started, query, until):
    code = "trap 'printf hi > it; exit 0' TERM; echo on; while :; do sleep 0.05; done"
    async with started(engine, image="bash") as kernel:
        run = await kernel.execute("query", code, {})
        await until(run.events(), "on\n")
        assert await kernel.stop() == ExitStatus(0, "user-requested")
        assert (kernel.home / "it").read_text() == "hi"


ONCE = """\
import pathlib, signal, sys, time
asked = []
signal.signal(signal.SIGTERM, lambda *_: asked.append(time.monotonic()))
sys.stdout.write("on\\n")
sys.stdout.flush()
while not asked or time.monotonic() < asked[0] + 0.3:
    time.sleep(0.01)
pathlib.Path(sys.argv[1]).write_text(str(len(asked)))
"""


async def test_each_program_is_asked_once(engine, started, until):
    """One of the command's group, one of another, and one that lost its parent."""
    steps = [f"cat > once.py <<'END'\n{ONCE}END", "(python3 once.py orphan &)",
             "setsid python3 once.py far &", "python3 once.py near &", "wait"]  # fmt: skip
    async with started(engine) as kernel:
        run = await kernel.execute("batch", "", {"exec": "\n".join(steps)})
        await until(run.events(), "on\non\non\n")
        assert await kernel.stop() == ExitStatus(0, "user-requested")
        found = {name: (kernel.home / name).read_text() for name in ("near", "far", "orphan")}
        assert found == dict.fromkeys(found, "1")


async def test_the_signal_tells_why_a_kernel_is_asked_to_end(make_engine, spec):
    engine = make_engine(plain=True)
    kernel = await engine.start(spec())
    engine.launcher.supervisor("k1").signal(signal.SIGUSR2)
    assert await kernel.wait() == ExitStatus(0, "time-limit")
