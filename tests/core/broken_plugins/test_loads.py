"""Plugins that fail when something of theirs is used: they are blamed, and nobody else."""

import json
import sys
from importlib import import_module

import pytest

HEAD = """
from atoll import *
from atoll.output import Writer
import sys, click
"""


def broken(hook: str, record: str, body: str = "") -> str:
    """Spell out a plugin with one record, and what it names."""
    return f"{HEAD}\n@hookimpl\ndef {hook}():\n    yield {record}\n{body}\n"


def with_body(body: str) -> str:
    """Spell out a plugin whose command does this."""
    command = f"@click.command()\nasync def brk(context):\n    {body}"
    return broken("atoll_commands", "Command('brk', 'Break', 'broken:brk')", command)


COMMAND = "Command('brk', 'Break', 'broken.inner:brk')"
COMMANDS = {
    "a missing module": (COMMAND, "", "loading broken.inner:brk raised ModuleNotFoundError"),
    "a missing name": (
        "Command('brk', 'Break', 'broken:nothing')",
        "",
        "loading broken:nothing raised AttributeError",
    ),
    "no path": ("Command('brk', 'Break', 'broken')", "", "loading broken raised "),
    "an empty path": ("Command('brk', 'Break', '')", "", "loading  raised"),
    "no command": ("Command('brk', 'Break', 'sys:path')", "", "sys:path is not a click command"),
    "a module that exits": (
        "Command('brk', 'Break', 'broken:brk')",
        "def __getattr__(name):\n    if name == 'brk': sys.exit(3)\n    raise AttributeError(name)",
        "loading broken:brk raised SystemExit: 3",
    ),
}

BODIES = {
    "an error": ("raise LookupError('gone')", 1, "LookupError: gone"),
    "BaseException": ("raise BaseException('bare')", 1, "BaseException: bare"),
    "GeneratorExit": ("raise GeneratorExit", 1, "GeneratorExit"),
    "asyncio.CancelledError": (
        "import asyncio; raise asyncio.CancelledError",
        1,
        "CancelledError",
    ),
    "a code that is none": ("return 999", 1, "999"),
    "a text for a code": ("return 'text'", 1, "text"),
    "a group": ("raise ExceptionGroup('all', [KeyError('x')])", 1, "KeyError"),
}

FORMAT = "Format('brk', 'Broken', 'broken:F')"
FORMATS = {
    "a missing class": ("", "loading broken:F raised AttributeError"),
    "a text": ("F = 'text'", "its format 'brk' raised TypeError"),
    "no writer": ("def F(*a, **k): return object()", "its format 'brk' is no Writer"),
    "an abstract one": ("class F(Writer): pass", "its format 'brk' raised TypeError"),
    "one that exits": ("def F(*a, **k): sys.exit(8)", "its format 'brk' raised SystemExit: 8"),
    "rows that fail": (
        "class F(Writer):\n    def row(self, values): raise RuntimeError('no ink')",
        "RuntimeError: no ink",
    ),
}

OFFER = "ProfileOffer('brk', 'Broken', 'broken:offer')"
OFFERS = {
    "a missing function": ("", "loading broken:offer raised AttributeError"),
    "no function": ("offer = 5", "its profile offer 'brk' raised TypeError"),
    "nothing": ("def offer(paths, say): pass", "offer 'brk': NoneType is no Profile"),
    "an error": (
        "def offer(paths, say): raise OSError('no')",
        "its profile offer 'brk' raised OSError: no",
    ),
    "sys.exit": (
        "def offer(paths, say): sys.exit(5)",
        "its profile offer 'brk' raised SystemExit: 5",
    ),
    "too few parameters": ("def offer(): pass", "its profile offer 'brk' raised TypeError"),
}

DIALER = "Transport('dial', ('brk',), 'broken:dialer')"
DIALED = "endpoint: http://127.0.0.1:9\nvia: brk://there\n"
DIALERS = {
    "a missing factory": ("", "loading broken:dialer raised AttributeError"),
    "nothing": ("def dialer(via): pass", "its dial transport for brk has no method dial"),
    "an error": ("def dialer(via): raise ValueError('no')", "for brk raised ValueError: no"),
    "sys.exit": ("def dialer(via): sys.exit(6)", "for brk raised SystemExit: 6"),
    "a dial that fails": (
        (
            "class dialer:\n    def __init__(self, via): pass\n"
            "    async def dial(self, host, port): raise RuntimeError('no line')\n"
            "    async def aclose(self): pass"
        ),
        "RuntimeError: no line",
    ),
}

INVOCATION = "Invocation('brk', 'broken:around')"
INVOCATIONS = {
    "a missing function": ("", "loading broken:around raised AttributeError"),
    "no context manager": ("async def around(context): pass", "invocation 'brk' raised "),
    "nothing": ("def around(context): pass", "invocation 'brk' raised "),
    "an error before": (
        (
            "from contextlib import asynccontextmanager as cm\n@cm\n"
            "async def around(context):\n    raise LookupError('before')\n    yield"
        ),
        "invocation 'brk' raised LookupError: before",
    ),
    "an error after": (
        (
            "from contextlib import asynccontextmanager as cm\n@cm\n"
            "async def around(context):\n    yield\n    raise LookupError('after')"
        ),
        "invocation 'brk' raised LookupError: after",
    ),
    "sys.exit before": (
        (
            "from contextlib import asynccontextmanager as cm\n@cm\n"
            "async def around(context):\n    sys.exit(3)\n    yield"
        ),
        "invocation 'brk' raised SystemExit: 3",
    ),
    "BaseException after": (
        (
            "from contextlib import asynccontextmanager as cm\n@cm\n"
            "async def around(context):\n    yield\n    raise BaseException('after')"
        ),
        "invocation 'brk' raised BaseException: after",
    ),
    "asyncio.CancelledError": (
        (
            "import asyncio\nfrom contextlib import asynccontextmanager as cm\n@cm\n"
            "async def around(context):\n    yield\n    raise asyncio.CancelledError"
        ),
        "invocation 'brk' raised CancelledError",
    ),
}

SEGMENT = "Status('brk', 'broken:segment')"
SEGMENTS = {
    "a missing function": ("", "loading broken:segment raised AttributeError"),
    "no function": ("segment = 'text'", "the toolbar's 'brk' raised TypeError"),
    "nothing": ("def segment(state): pass", "the toolbar's 'brk' raised TypeError"),
    "an error": ("def segment(state): raise KeyError('x')", "the toolbar's 'brk' raised KeyError"),
    "sys.exit": ("def segment(state): sys.exit(4)", "the toolbar's 'brk' raised SystemExit: 4"),
    "KeyboardInterrupt": (
        "def segment(state): raise KeyboardInterrupt",
        "the toolbar's 'brk' raised KeyboardInterrupt",
    ),
    "GeneratorExit": ("def segment(state): raise GeneratorExit", "raised GeneratorExit"),
    "asyncio.CancelledError": (
        "import asyncio\ndef segment(state): raise asyncio.CancelledError",
        "raised CancelledError",
    ),
}

CHECK = "Check('brk', 'broken:check')"
CHECKS = {
    "a missing function": ("", "loading broken:check raised AttributeError"),
    "no generator": ("async def check(context): pass", "its check 'brk' yields no findings"),
    "an error": (
        "async def check(context):\n    yield Finding('a', 'ok')\n    raise LookupError('x')",
        "its check 'brk' raised LookupError: x",
    ),
    "sys.exit": (
        "async def check(context):\n    sys.exit(2)\n    yield",
        "its check 'brk' raised SystemExit: 2",
    ),
    "texts": ("async def check(context): yield 'fine'", "its check 'brk': str is no Finding"),
    "a status of its own": (
        "async def check(context): yield Finding('a', 'great')",
        "the status of Finding should be one of 'ok'",
    ),
    "a text for a code": (
        "async def check(context): yield Finding('a', 'failed', exit_code='x')",
        "the exit_code of Finding should be a whole number",
    ),
    "a code that no program can end with": (
        "async def check(context): yield Finding('a', 'failed', exit_code=999)",
        "the exit_code of Finding should be from 0 to 255",
    ),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_that_cannot_be_loaded(name, everywhere):
    record, body, says = COMMANDS[name]
    everywhere(broken("atoll_commands", record, body), says, line="brk", code=1)


@pytest.mark.parametrize("name", BODIES)
def test_commands_that_raise(name, everywhere):
    body, code, says = BODIES[name]
    everywhere(with_body(body), says, line="brk", code=code)


@pytest.mark.parametrize("name", FORMATS)
def test_formats(name, everywhere):
    body, says = FORMATS[name]
    source = broken("atoll_formats", FORMAT, body)
    everywhere(source, says, line="profile list --output brk", code=1)


@pytest.mark.parametrize("name", OFFERS)
def test_offers(name, everywhere):
    body, says = OFFERS[name]
    everywhere(broken("atoll_profiles", OFFER, body), says, line="ps --profile brk", code=1)


@pytest.mark.parametrize("name", DIALERS)
def test_dialers(name, everywhere, site):
    body, says = DIALERS[name]
    site.add_profile(DIALED)
    everywhere(broken("atoll_transports", DIALER, body), says, line="ps --profile brk", code=1)


@pytest.mark.parametrize("name", INVOCATIONS)
def test_invocations(name, everywhere):
    """The list that is looked at afterwards is a command too, and has its own line."""
    body, says = INVOCATIONS[name]
    everywhere(broken("atoll_invocations", INVOCATION, body), says, each_line=True)


@pytest.mark.parametrize("name", SEGMENTS)
def test_segments(name, everywhere):
    body, says = SEGMENTS[name]
    everywhere(broken("atoll_status", SEGMENT, body), says, doors=("prompt",))


@pytest.mark.parametrize("name", CHECKS)
async def test_checks(name, shell, tmp_path, monkeypatch):
    """A check that breaks is a finding among the others."""
    body, says = CHECKS[name]
    (tmp_path / "broken.py").write_text(broken("atoll_checks", CHECK, body))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "broken", raising=False)
    shell.add(import_module("broken"), "broken")

    result = await shell.run("doctor --output jsonl")

    findings = [json.loads(line) for line in result.stdout.splitlines()]
    (told,) = [one["detail"] for one in findings if one["check"] == "brk"]
    assert told.startswith("plugin 'broken' (atoll-broken 1.0): ")
    assert says in told
    assert findings[0]["check"] == "profile"
    assert "broken" not in result.stderr
