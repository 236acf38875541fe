"""Plugins that fail beside the prompt: in the toolbar, at keys, at Tab, in tasks and listeners.

All are installed together, and there is one prompt, on a terminal.
"""

import time
from collections.abc import Iterator

import pytest
from tests.core.broken_plugins.installed import GOOD, Broken, Installed, Site, check_list
from tests.core.broken_plugins.test_loads import SEGMENT, SEGMENTS, broken

from atoll.testing import Prompt

TAB, CTRL_X = "\t", "\x18"

TASK = "Background('brk', 'broken:task')"
TASKS = {
    "a missing function": ("", "loading broken:task raised AttributeError"),
    "no function": ("task = 5", "its background task 'brk' raised TypeError"),
    "no async function": (
        "def task(context, shell): pass",
        "its background task 'brk' raised TypeError",
    ),
    "an error": (
        "async def task(context, shell): raise LookupError('gone')",
        "its background task 'brk' raised LookupError: gone",
    ),
    "sys.exit": (
        "async def task(context, shell): sys.exit(3)",
        "its background task 'brk' raised SystemExit: 3",
    ),
    "BaseException, later": (
        (
            "import trio\nasync def task(context, shell):\n"
            "    await trio.sleep(0.1)\n    raise BaseException('late')"
        ),
        "its background task 'brk' raised BaseException: late",
    ),
    "an error in a task of its own": (
        (
            "import trio\nasync def fail(): raise LookupError('below')\n"
            "async def task(context, shell):\n    async with trio.open_nursery() as nursery:\n"
            "        nursery.start_soon(fail)\n        await trio.sleep_forever()"
        ),
        "its background task 'brk' raised LookupError: below",
    ),
    "a stop of asyncio's loop": (
        "import asyncio\nasync def task(context, shell): asyncio.get_running_loop().stop(); 1 / 0",
        "its background task 'brk' raised ZeroDivisionError",
    ),
}

KEYS = {
    "a missing function": ("", "loading broken:press raised AttributeError"),
    "no function": ("press = 5", "its keys 'KEYS' raised TypeError"),
    "an async function": (
        "async def press(press): pass",
        "its keys 'KEYS' raised TypeError: it is async",
    ),
    "an error": (
        "def press(press): raise LookupError('gone')",
        "its keys 'KEYS' raised LookupError: gone",
    ),
    "sys.exit": ("def press(press): sys.exit(3)", "its keys 'KEYS' raised SystemExit: 3"),
    "KeyboardInterrupt": (
        "def press(press): raise KeyboardInterrupt",
        "its keys 'KEYS' raised KeyboardInterrupt",
    ),
    "a number for a text": ("def press(press): press.text = 5", "its keys 'KEYS' raised "),
}

NAMES = "Completion('brk', 'broken:names', needs='context')"
COMPLETIONS = {
    "a missing function": ("", "loading broken:names raised AttributeError"),
    "no async function": (
        "def names(context): return []",
        "its completion 'brk' raised TypeError",
    ),
    "one text": (
        "async def names(context): return 'one'",
        "its completion 'brk' raised TypeError: it gave one text, not several",
    ),
    "numbers": (
        "async def names(context): return [5]",
        "its completion 'brk' raised TypeError: it gave int",
    ),
    "an error": (
        "async def names(context): raise LookupError('gone')",
        "its completion 'brk' raised LookupError: gone",
    ),
    "sys.exit": (
        "async def names(context): sys.exit(3)",
        "its completion 'brk' raised SystemExit: 3",
    ),
    "asyncio.CancelledError": (
        "import asyncio\nasync def names(context): raise asyncio.CancelledError",
        "its completion 'brk' raised CancelledError",
    ),
}

VALUES = {
    "an error": (
        "def values(*_): raise LookupError('gone')",
        "the completion of 'at' raised LookupError: gone",
    ),
    "sys.exit": ("def values(*_): sys.exit(3)", "the completion of 'at' raised SystemExit: 3"),
    "nothing": ("def values(*_): pass", "the completion of 'at' raised TypeError"),
    "numbers": ("def values(*_): return [5]", "the completion of 'at' raised "),
}
COMMAND = """
@click.command()
@click.option('--at', shell_complete=values)
async def brk(context, at): pass
"""


def segments() -> Iterator[Broken]:
    """Yield those that fail while the toolbar is drawn."""
    for kind, (body, says) in SEGMENTS.items():
        yield Broken(kind, broken("atoll_status", SEGMENT, body), says)


def tasks() -> Iterator[Broken]:
    """Yield those that fail in tasks that live as long as the prompt."""
    for kind, (body, says) in TASKS.items():
        yield Broken(kind, broken("atoll_background", TASK, body), says, kept=True)


def completions() -> Iterator[Broken]:
    """Yield those that fail when the prompt asks them for names, without a cluster."""
    for kind, (body, says) in COMPLETIONS.items():
        yield Broken(kind, broken("atoll_completions", NAMES, body), says, kept=True)


def values() -> Iterator[Broken]:
    """Yield those that fail at Tab, by click's own protocol."""
    record = "Command('brk', 'Break', 'broken:brk')"
    for kind, (body, says) in VALUES.items():
        source = broken("atoll_commands", record, body + COMMAND)
        yield Broken(kind, source, says, f"brk --at {TAB}", kept=True)


def keys() -> Iterator[Broken]:
    """Yield those that fail at their keys, Ctrl-X and a letter."""
    for letter, (kind, (body, says)) in zip("abcdfgh", KEYS.items(), strict=True):
        keys = f"c-x {letter}"
        source = broken("atoll_keys", f"Keys({keys!r}, 'broken:press', 'Break')", body)
        yield Broken(kind, source, says.replace("KEYS", keys), f"{CTRL_X}{letter}")


@pytest.fixture
def site(tmp_path) -> Site:
    """All of them, in a folder."""
    groups = (segments, tasks, completions, values, keys)
    return Site.of(tmp_path, (one for group in groups for one in group()))


def test_each_failure_costs_one_line_and_the_prompt_stays(site):
    prompt = site.open_prompt()
    for one in site.installed:
        meet(one, prompt)
    out, told = site.home / "out", site.home / "told"
    prompt.type(f"{GOOD} > {out}\rplugins --output json > {told}\rexit 7\r")
    assert prompt.ended() == 7

    assert site.wrong(prompt.written()) == []
    check_list(out.read_text())
    listed = told.read_text()
    kept = [one for one in site.installed if one.broken.kept]
    assert [one for one in kept if one.text(one.broken.says) not in listed] == []


def meet(one: Installed, prompt: Prompt) -> None:
    """Do what the plugin fails at, and wait until it is told."""
    prompt.type(one.line)
    deadline = time.monotonic() + 60
    while one.named not in prompt.written():
        prompt.child.expect(r".+", timeout=deadline - time.monotonic())
    if one.line.endswith(TAB):
        prompt.clear()
