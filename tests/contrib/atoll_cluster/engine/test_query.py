"""Code run piece by piece in Python, as at a prompt."""

import anyio
import pytest

from atoll_cluster.engine.contract import Finished, Media, Output

pytestmark = pytest.mark.anyio


async def test_state_is_kept_between_runs(kernel, query):
    assert (await query(kernel, "x = 41")).events == [Finished(0)]
    story = await query(kernel, "print('is', x)\nx + 1")
    assert story.stdout == "is 41\n42\n"
    assert story.exit_code == 0


async def test_an_exception_shows_only_the_users_frames(kernel, query):
    story = await query(kernel, "def f():\n    return 1 / 0\nf()")
    assert story.exit_code == 1
    assert story.stderr.splitlines()[:3] == [
        "Traceback (most recent call last):",
        '  File "<code 1>", line 3, in <module>',
        "    f()",
    ]
    assert "ZeroDivisionError" in story.stderr
    assert "cell.py" not in story.stderr


async def test_a_syntax_error_is_reported_and_harmless(kernel, query):
    story = await query(kernel, "x = 1\nif:")
    assert story.exit_code == 1
    assert "SyntaxError" in story.stderr
    assert "cell.py" not in story.stderr
    assert (await query(kernel, "2")).stdout == "2\n"


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [("exit()", 0), ("import sys; sys.exit(3)", 3), ("raise SystemExit('no')", 1)],
)
async def test_exit_ends_the_run_and_keeps_the_state(kernel, query, code, exit_code):
    await query(kernel, "x = 5")
    assert (await query(kernel, code)).exit_code == exit_code
    assert (await query(kernel, "x")).stdout == "5\n"


@pytest.mark.parametrize(
    ("code", "exit_code", "how"),
    [
        ("import os; os._exit(4)", 4, "exit code 4"),
        ("import os; os._exit(200)", 200, "exit code 200"),
        ("import ctypes; ctypes.string_at(0)", 139, "SIGSEGV"),
    ],
)
async def test_a_dead_interpreter_is_reported_and_replaced(kernel, query, code, exit_code, how):
    story = await query(kernel, f"print('last words', flush=True)\n{code}")
    assert story.stdout == "last words\n"
    assert story.exit_code == exit_code
    assert how in story.stderr
    assert (await query(kernel, "'here'")).stdout == "'here'\n"


async def test_output_arrives_while_the_code_runs(kernel):
    code = """
import os, time
print('a', end='', flush=True)
while not os.path.exists('seen'):
    time.sleep(0.01)
"""
    run = await kernel.execute("query", code, {})
    events = []
    with anyio.fail_after(60):
        async for event in run.events():
            events.append(event)
            (kernel.home / "seen").touch()
    assert events == [Output("stdout", "a"), Finished(0)]


async def test_output_below_python_is_caught_before_the_end(kernel, query):
    code = """
import ctypes, os, subprocess
ctypes.CDLL(None).printf(b"from C\\n")
os.write(1, b"from the descriptor\\n")
subprocess.run(["sh", "-c", "echo from a program; echo and its errors >&2"])
"""
    story = await query(kernel, code)
    assert sorted(story.stdout.splitlines()[:-1]) == [
        "from C",
        "from a program",
        "from the descriptor",
    ]
    assert story.stderr == "and its errors\n"
    assert isinstance(story.events[-1], Finished)


async def test_no_character_is_cut_and_no_byte_breaks_anything(kernel, query):
    story = await query(kernel, "import os\nfor b in '한'.encode() * 3: os.write(1, bytes([b]))")
    assert all("\ufffd" not in e.text for e in story.events if isinstance(e, Output))
    assert story.stdout.startswith("한한한")
    story = await query(kernel, "_ = os.write(1, b'a\\xffb\\xed'); print()")
    assert story.stdout == "a\udcffb\udced\n"


async def test_much_output_arrives_whole(kernel, query):
    story = await query(kernel, "for n in range(200_000): print(n)")
    assert story.stdout == "".join(f"{n}\n" for n in range(200_000))


async def test_a_slow_reader_loses_nothing(kernel):
    run = await kernel.execute("query", "print('x' * 3_000_000)", {})
    size = 0
    with anyio.fail_after(60):
        async for event in run.events():
            size += len(event.text) if isinstance(event, Output) else 0
            await anyio.sleep(0.005)
    assert size == 3_000_001


async def test_interrupt_raises_keyboard_interrupt_and_keeps_the_state(kernel, query, until):
    run = await kernel.execute(
        "query", "import time\nx = 1\nprint('go', flush=True)\ntime.sleep(60)", {}
    )
    events = run.events()
    await until(events, "go")
    await run.interrupt()
    with anyio.fail_after(60):
        rest = [event async for event in events]
    assert rest[-1] == Finished(130)
    assert "KeyboardInterrupt" in "".join(e.text for e in rest if isinstance(e, Output))
    assert (await query(kernel, "x")).stdout == "1\n"


async def test_interrupt_reaches_programs_that_the_code_started(kernel, until):
    code = """
import os
os.system("exec python3 -c 'import time; print(42, flush=True); time.sleep(60)'") and "ended"
"""
    run = await kernel.execute("query", code, {})
    events = run.events()
    await until(events, "42")
    with anyio.fail_after(60):
        await kernel.interrupt()
        rest = [event async for event in events]
    assert rest[-2:] == [Output("stdout", "'ended'\n"), Finished(0)]


async def test_an_idle_kernel_ignores_interrupts(kernel, query):
    await query(kernel, "x = 7")
    await kernel.interrupt()
    assert (await query(kernel, "x")).stdout == "7\n"


async def test_asyncio_threads_and_child_processes_work(kernel, query):
    code = """
import asyncio, multiprocessing, pickle, threading
def double(n): return 2 * n
class Thing: pass
async def main(): return await asyncio.sleep(0.01, 'async')
print(asyncio.run(main()))
thread = threading.Thread(target=print, args=('thread',)); thread.start(); thread.join()
with multiprocessing.get_context('fork').Pool(2) as pool: print(pool.map(double, [1, 2]))
print(type(pickle.loads(pickle.dumps(Thing()))).__qualname__)
"""
    story = await query(kernel, code)
    assert story.stdout == "async\nthread\n[2, 4]\nThing\n", story.stderr


async def test_a_forked_copy_can_be_terminated(kernel, query):
    code = """
import multiprocessing, time
copy = multiprocessing.get_context('fork').Process(target=time.sleep, args=(60,))
copy.start(); copy.terminate(); copy.join(10)
copy.exitcode
"""
    assert (await query(kernel, code)).stdout == "-15\n"


async def test_a_forked_copy_of_the_interpreter_ends_alone(kernel, query):
    story = await query(
        kernel, "import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)\nprint(pid > 0)"
    )
    assert sorted(story.stdout.split()) == ["False", "True"]
    assert (await query(kernel, "pid > 0")).stdout == "True\n"


async def test_rich_results_come_as_media(kernel, query):
    code = """
class Page:
    def __repr__(self): return "a page"
    def _repr_html_(self): return "<b>hi</b>"
Page()
"""
    story = await query(kernel, code)
    assert story.stdout == "a page\n"
    assert story.events[1:] == [Media("text/html", "<b>hi</b>"), Finished(0)]


async def test_closed_streams_do_not_end_the_interpreter(kernel, query):
    await query(kernel, "import sys\nx = 3\nsys.stderr.close()\n1 / 0")
    assert (await query(kernel, "x")).stdout == "3\n"


async def test_runs_wait_for_their_turn(kernel, tell):
    first = await kernel.execute("query", "order = []\ninput()\norder.append(1)", {})
    second = await kernel.execute("query", "order.append(2)\norder", {})
    await tell(first, "go on")
    assert (await tell(second)).stdout == "[1, 2]\n"


async def test_a_waiting_run_can_be_cancelled(kernel, tell):
    first = await kernel.execute("query", "input()", {})
    second = await kernel.execute("query", "print('never')", {})
    await second.interrupt()
    assert (await tell(second)).events == [Finished(130)]
    assert (await tell(first, "x")).exit_code == 0


async def test_completion_knows_the_live_objects(kernel, query):
    await query(kernel, "import os.path\nwatermelon = 1")
    assert await kernel.complete("print(waterm", {}) == ["watermelon"]
    assert "os.path.join(" in await kernel.complete("os.path.jo", {})
    assert await kernel.complete("", {}) == []


async def test_pictures_keep_their_place_in_the_output(kernel, query):
    """Among what is printed before and after, however quickly that comes."""
    code = """
class Dot:
    def _repr_svg_(self): return "<svg/>"
for n in range(200):
    print(n)
    display(Dot())
"""
    story = await query(kernel, code)
    found = [one.text if isinstance(one, Output) else "dot" for one in story.events[:-1]]
    assert "".join(found) == "".join(f"{n}\ndot" for n in range(200))


async def test_an_interrupted_picture_leaves_nothing_behind(kernel, query):
    """The next line that is asked for is the one that was typed."""
    code = """
import os, signal, threading
class Dot:
    def _repr_svg_(self):
        os.kill(os.getpid(), signal.SIGINT)
        return "<svg/>"
for _ in range(20):
    try: display(Dot())
    except KeyboardInterrupt: pass
print(input())
"""
    assert (await query(kernel, code, "typed")).stdout == "typed\n"
