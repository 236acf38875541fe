"""What a program writes to its two streams is told in the order in which it was written."""

import anyio
import pytest

from atoll_cluster.engine.contract import Output

pytestmark = pytest.mark.anyio

PYTHON = """
import sys
for i in range(0, 600, 2):
    print(i, flush=True)
    print(i + 1, file=sys.stderr, flush=True)
"""
UNEVEN = """
import os
for i in range(600):
    os.write(2 if i % 3 == 0 or i % 7 == 0 else 1, b'%d\\n' % i)
"""
CHILDREN = """
import subprocess, sys
for i in range(0, 600, 20):
    print(i, file=sys.stderr, flush=True)
    lines = "".join(f"echo {n} >&{1 + n % 2};" for n in range(i + 1, i + 20))
    subprocess.run(["sh", "-c", lines])
"""
AFTER_MUCH = """
import os
for i in range(590): os.write(1, b'%d\\n' % i)
import time; time.sleep(0.2)
for i in range(590, 600): os.write(2 - i % 2, b'%d\\n' % i)
"""
SHELL = "i=0; while [ $i -lt 600 ]; do echo $i >&$((1 + i % 2)); i=$((i + 1)); done"


async def told(run):
    """Return all numbers that a run has printed, in the order in which they were told."""
    with anyio.fail_after(60):
        pieces = [event.text async for event in run.events() if isinstance(event, Output)]
    return [int(number) for number in "".join(pieces).split()]


@pytest.mark.parametrize("code", [PYTHON, UNEVEN, CHILDREN, AFTER_MUCH])
async def test_code(kernel, code):
    assert await told(await kernel.execute("query", code, {})) == list(range(600))


@pytest.mark.parametrize("step", [{"exec": SHELL}, {"build": SHELL}, {"exec": f"({SHELL}) | cat"}])
async def test_commands(kernel, step):
    expected = list(range(600))
    found = await told(await kernel.execute("batch", "", step))
    # What goes through a program in between is late by as much as that program takes.
    assert (sorted(found) if "cat" in str(step) else found) == expected


async def test_a_script_in_python(kernel):
    (kernel.home / "script.py").write_text(PYTHON)
    found = await told(await kernel.execute("batch", "", {"exec": "python3 script.py"}))
    assert found == list(range(600))


async def test_one_write_that_is_larger_than_a_pipe(kernel):
    """And what came before and after it."""
    code = (
        "import os; os.write(2, b'1\\n'); os.write(1, b'2\\n' * 500_000); os.write(2, b'3\\n') - 2"
    )
    run = await kernel.execute("query", code, {})
    found = await told(run)
    assert (found[0], found[-2:], len(found)) == (1, [3, 0], 500_003)
