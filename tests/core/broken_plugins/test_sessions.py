"""Plugins that fail in what `atoll_sessions` asks of them: fields of sessions, and listeners.

All of a kind are installed together, in real processes, which face an embedded cluster with one
session. It waits for its time, so that nothing has to start.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import count

import pexpect
import pytest
from attrs import define, field
from tests.core.broken_plugins.installed import (
    GOOD,
    Broken,
    Site,
    check_list,
    check_words,
)
from tests.core.broken_plugins.test_loads import broken

from atoll.testing import Prompt

IMPORTS = "from atoll_sessions.hooks import *\n"
WAITING = ["start", "--enqueue-only", "--type", "batch", "-c", "true", "--starts-at", "+1h", "-t"]

FIELD = "SessionField('brk', 'Broken', 'broken:value', ('tag',), False)"
VALUES = {
    "a missing function": ("", "loading broken:value raised AttributeError"),
    "no function": ("value = 5", "its session field 'brk' raised TypeError"),
    "an async function": (
        "async def value(session): pass",
        "its session field 'brk' raised TypeError: it is async",
    ),
    "too few parameters": ("def value(): pass", "its session field 'brk' raised TypeError"),
    "an error": (
        "def value(session): raise LookupError('gone')",
        "its session field 'brk' raised LookupError: gone",
    ),
    "sys.exit": (
        "def value(session): sys.exit(3)",
        "its session field 'brk' raised SystemExit: 3",
    ),
    "KeyboardInterrupt": (
        "def value(session): raise KeyboardInterrupt",
        "its session field 'brk' raised KeyboardInterrupt",
    ),
    "GeneratorExit": (
        "def value(session): raise GeneratorExit",
        "its session field 'brk' raised GeneratorExit",
    ),
    "asyncio.CancelledError": (
        "import asyncio\ndef value(session): raise asyncio.CancelledError",
        "its session field 'brk' raised CancelledError",
    ),
    "an error of atoll": (
        "def value(session): raise NotFound('no\\nprice')",
        "its session field 'brk': no price",
    ),
    "a change of the session": (
        "def value(session): session.name = 'x'",
        "its session field 'brk' raised FrozenInstanceError",
    ),
    "a circle": (
        "def value(session):\n    circle = []\n    circle.append(circle)\n    return circle",
        "its session field 'brk' raised ValueError",
    ),
    "a value of absurd depth": (
        (
            "def value(session):\n    deep = []\n    for _ in range(100_000): deep = [deep]\n"
            "    return deep"
        ),
        "its session field 'brk' raised RecursionError",
    ),
    "an object without words": (
        (
            "class V:\n    def __str__(self): sys.exit(4)\n    __repr__ = __str__\n"
            "def value(session): return V()"
        ),
        "its session field 'brk' raised SystemExit: 4",
    ),
    "a number without end": (
        "def value(session): return 10 ** 100_000",
        "its session field 'brk' raised ValueError",
    ),
    "a text without end": (
        "def value(session): return 'x' * 20_000_000",
        "its session field 'brk' raised ValueError: it gave more than 1 MiB",
    ),
}

CHANGED = "SessionListener('brk', 'broken:changed')"
LISTENERS = {
    "a missing function": ("", "loading broken:changed raised AttributeError"),
    "no function": ("changed = 5", "its listener 'brk' raised TypeError"),
    "no async function": (
        "def changed(change, context, shell): pass",
        "its listener 'brk' raised TypeError",
    ),
    "too few parameters": (
        "async def changed(change): pass",
        "its listener 'brk' raised TypeError",
    ),
    "an error": (
        "async def changed(*_): raise LookupError('gone')",
        "its listener 'brk' raised LookupError: gone",
    ),
    "an error of many lines, with escapes": (
        "async def changed(*_): raise ValueError('one\\n\\x1b[2Jtwo')",
        "its listener 'brk' raised ValueError: one ",
    ),
    "a very long error": (
        "async def changed(*_): raise ValueError('x' * 100_000)",
        "its listener 'brk' raised ValueError: xxx",
    ),
    "sys.exit": (
        "async def changed(*_): sys.exit(3)",
        "its listener 'brk' raised SystemExit: 3",
    ),
    "KeyboardInterrupt": (
        "async def changed(*_): raise KeyboardInterrupt",
        "its listener 'brk' raised KeyboardInterrupt",
    ),
    "GeneratorExit": (
        "async def changed(*_): raise GeneratorExit",
        "its listener 'brk' raised GeneratorExit",
    ),
    "asyncio.CancelledError": (
        "import asyncio\nasync def changed(*_): raise asyncio.CancelledError",
        "its listener 'brk' raised CancelledError",
    ),
    "StopAsyncIteration": (
        "async def changed(*_): raise StopAsyncIteration",
        "its listener 'brk' raised ",
    ),
    "an error of atoll": (
        "async def changed(*_): raise NotFound('no\\nbell')",
        "its listener 'brk': no bell",
    ),
    "an error in a task of its own": (
        (
            "import trio\nasync def fail(): raise LookupError('below')\n"
            "async def changed(*_):\n    async with trio.open_nursery() as nursery:\n"
            "        nursery.start_soon(fail)\n        await trio.sleep_forever()"
        ),
        "its listener 'brk' raised LookupError: below",
    ),
    "a change of the event": (
        "async def changed(change, *_): change.event = 'x'",
        "its listener 'brk' raised FrozenInstanceError",
    ),
    "a wait without end": (
        "import trio\nasync def changed(*_): await trio.sleep_forever()",
        "its listener 'brk' raised TooSlowError",
    ),
}
SETTING = "a setting that there is not"


@define
class Facing(Site):
    """A folder of broken plugins, and a cluster that the program faces."""

    endpoint: Mapping[str, str] = field(factory=dict)

    @property
    def environ(self) -> Mapping[str, str]:
        """What the program runs in."""
        return {**super().environ, **self.endpoint}


def fields() -> Iterator[Broken]:
    """Yield those that fail while a session is shown."""
    for kind, (body, says) in VALUES.items():
        yield Broken(kind, IMPORTS + broken("atoll_session_fields", FIELD, body), says)


def listeners() -> Iterator[Broken]:
    """Yield those that fail when something happens to a session."""
    for kind, (body, says) in LISTENERS.items():
        yield Broken(kind, IMPORTS + broken("atoll_session_events", CHANGED, body), says)
    record = "SessionListener('brk', 'broken:changed', setting='brk.setting')"
    says = "its listener 'brk': there is no setting brk.setting"
    yield Broken(SETTING, IMPORTS + broken("atoll_session_events", record), says)


@pytest.fixture(scope="module")
def facing(cluster, tmp_path_factory):
    """Return what installs plugins beside the cluster, which has a session that waits."""
    cluster.run(*WAITING, "first", "python")

    def install(kinds: Iterable[Broken]) -> Facing:
        site = Facing.of(tmp_path_factory.mktemp("broken"), kinds)
        site.endpoint = cluster.environ
        return site

    return install


@pytest.fixture(scope="module")
def shown(facing) -> tuple[Facing, str]:
    """Plugins with fields, and a line that shows all of these."""
    site = facing(fields())
    names = ",".join(one.text("brk") for one in site.installed)
    return site, f"ps --output json -f name,{names}"


def test_fields_as_one_command(shown):
    site, line = shown
    done = site.run(*line.split())
    assert site.wrong(done.stderr) == []
    assert done.returncode == 0
    check_sessions(done.stdout)


def test_fields_in_a_table_of_a_script(shown):
    site, line = shown
    done = site.run("-c", f"{line.replace('json', 'table')}\n{GOOD}")
    assert site.wrong(done.stderr) == []
    assert "first" in done.stdout
    assert done.returncode == 0
    check_list(done.stdout)


def test_fields_at_the_prompt(shown):
    site, line = shown
    out = site.home / "out"
    said, code = site.typed([f"{line} > {out}", "exit 7"])
    assert site.wrong(said) == []
    check_sessions(out.read_text())
    assert code == 7


def test_fields_whose_needs_the_cluster_does_not_know(facing):
    """They are left out, and all others are shown; so is a field whose name is taken."""
    unknown = "SessionField('brk', 'Broken', 'broken:value', ('brk_nothing',))"
    taken = "SessionField('status', 'Broken', 'broken:value')"
    good = "SessionField('brk', 'Good', 'broken:value', ('tag',))"
    value = "def value(session): return 5"
    kinds = {
        unknown: "its session fields are left out: Cannot query field 'brk_nothing'",
        taken: "sessions have a field 'status' already",
        good: "",
    }
    site = facing(
        Broken(record, IMPORTS + broken("atoll_session_fields", record, value), says)
        for record, says in kinds.items()
    )
    done = site.run("info", "first", "--output", "json")
    assert [one.is_told(done.stderr, bool(one.broken.says)) for one in site.installed] == [""] * 3
    shown = json.loads(done.stdout)
    assert (shown["name"], shown["status"], shown["brk002"]) == ("first", "PENDING", 5)
    assert "brk000" not in shown

    asked = site.run("ps", "-f", "name,brk000,brk002")
    assert "(atoll-broken000 1.0): its session field 'brk000': Cannot query" in asked.stderr
    assert asked.returncode == 1


def test_listeners_at_the_prompt(facing, cluster):
    """The slowest has five seconds; the others are told of meanwhile."""
    site = facing(listeners())
    prompt = site.open_prompt()
    numbers = count()
    while not any(one.named in prompt.written() for one in site.installed[:-1]):
        cluster.run(*WAITING, f"more-{next(numbers)}", "python")
        read_some(prompt)
    deadline = time.monotonic() + 60
    while missing := [one for one in site.installed if one.named not in prompt.written()]:
        assert time.monotonic() < deadline, [one.broken.kind for one in missing]
        read_some(prompt)
    out = site.home / "out"
    prompt.type(f"ps --output json -f name > {out}\rexit 7\r")
    assert prompt.ended() == 7

    check_words(prompt.written())
    assert site.wrong(prompt.written()) == []
    assert {one["name"] for one in json.loads(out.read_text())} >= {"first", "more-0"}


def test_listeners_beside_a_command_and_a_script(facing):
    """Nobody listens there."""
    site = facing(listeners())
    for arguments in (["ps"], ["-c", "ps\nps\n"]):
        done = site.run(*arguments)
        assert (done.returncode, done.stderr) == (0, "")


def check_sessions(out: str) -> None:
    """Fail unless all sessions are there, with nothing in the fields that fail."""
    (one,) = [one for one in json.loads(out) if one["name"] == "first"]
    assert {key: value for key, value in one.items() if value is not None} == {"name": "first"}


def read_some(prompt: Prompt) -> None:
    """Read what the prompt writes, if it does within a second."""
    with suppress(pexpect.TIMEOUT):
        prompt.child.expect(r".+", timeout=1)
