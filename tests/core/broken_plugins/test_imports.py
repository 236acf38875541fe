"""Plugins that do harm while they are imported."""

import signal
import sys
from pathlib import Path

import pytest

GOOD = """
from atoll import Setting, hookimpl
@hookimpl
def atoll_settings():
    yield Setting("broken.word", "here", "Whether it was loaded")
"""

FAILING = {
    "an error": ("raise RuntimeError('not today')", "raised RuntimeError: not today"),
    "an error without text": ("raise KeyError", "importing broken raised KeyError"),
    "an error of many lines": ("raise ValueError('one\\ntwo\\n\\tthree')", "one two three"),
    "an error with escapes": ("raise ValueError('\\x1b[2J')", "raised ValueError: "),
    "a very long error": ("raise ValueError('x' * 10_000)", "x" * 300),
    "an error without words": (
        "class E(Exception):\n    def __str__(self): raise SystemExit\nraise E",
        "importing broken raised E",
    ),
    "an error of atoll": ("from atoll import NotFound; raise NotFound('no')", "raised no"),
    "a wrong plugin error": (
        (
            "import os\nfrom atoll import Origin, PluginError\n"
            "raise PluginError(Origin('x', 'x', 'x', '1'), 'no')"
        ),
        "is left out: no",
    ),
    "sys.exit": ("import sys; sys.exit(5)", "raised SystemExit: 5"),
    "exit with a text": ("raise SystemExit('bye')", "raised SystemExit: bye"),
    "BaseException": ("raise BaseException('bare')", "raised BaseException: bare"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "raised KeyboardInterrupt"),
    "GeneratorExit": ("raise GeneratorExit", "raised GeneratorExit"),
    "asyncio.CancelledError": (
        "import asyncio; raise asyncio.CancelledError",
        "raised CancelledError",
    ),
    "a group": ("raise BaseExceptionGroup('all', [SystemExit(3)])", "raised SystemExit: 3"),
    "StopIteration": ("raise StopIteration", "raised StopIteration"),
    "MemoryError": ("raise MemoryError", "raised MemoryError"),
    "endless recursion": ("def f(): f()\nf()", "raised RecursionError"),
    "a syntax error": ("def", "raised SyntaxError"),
    "an indentation error": ("  x = 1\nif True:\ny", "raised IndentationError"),
    "a null byte": ("x = 1\0", "importing broken raised "),
    "another encoding": ("# coding: nonsense\nx = 1", "raised SyntaxError"),
    "a missing module": ("import nothing_of_the_kind", "No module named 'nothing_of_the_kind'"),
    "a missing name": ("from atoll import nothing_of_the_kind", "raised ImportError"),
    "itself removed": ("import sys; del sys.modules[__name__]", "importing broken raised KeyError"),
    "an option that pluggy lacks": (
        "from atoll import hookimpl\n@hookimpl(firstresult=True)\ndef atoll_checks(): return []",
        "unexpected keyword argument 'firstresult'",
    ),
    "attributes that raise": (
        (
            "import sys\nclass M:\n    def __dir__(self): raise SystemExit(9)\n"
            "sys.modules[__name__] = M()"
        ),
        "looking for its hooks raised SystemExit: 9",
    ),
}

LIVING = {
    "print": ("print('hello')", "printed: hello"),
    "many prints": ("for i in range(9): print(i)", "printed: 0 1 2 3"),
    "a print without end": ("for i in range(10_000): print('x' * 99)", "printed: xxx"),
    "bytes": ("import sys; sys.stdout.buffer.write(b'\\xffraw')", "printed: "),
    "a write past Python": ("import os; os.write(1, b'past\\n')", "printed: past"),
    "a program that prints": ("import os; os.system('echo from below')", "printed: from below"),
    "sys.stdout": (
        "import io, sys; sys.stdout = io.StringIO()",
        "changed sys.stdout, which was put back",
    ),
    "sys.stderr": ("import io, sys; sys.stderr = io.StringIO()", "changed sys.stderr"),
    "sys.stdin": ("import io, sys; sys.stdin = io.StringIO('rm x')", "changed sys.stdin"),
    "sys.excepthook": ("import sys; sys.excepthook = print", "changed sys.excepthook"),
    "the folder": ("import os; os.chdir('/')", "changed the folder"),
    "the umask": ("import os; os.umask(0)", "changed the umask"),
    "a signal handler": (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)",
        "changed signal handlers",
    ),
    "a handler for a stop": (
        "import signal; signal.signal(signal.SIGTERM, lambda *_: None)",
        "changed signal handlers",
    ),
    "the recursion limit": ("import sys; sys.setrecursionlimit(90)", "changed the recursion limit"),
    "several at once": (
        "import os, sys; os.chdir('/'); sys.stdin = None",
        "changed sys.stdin, the folder, which was put back",
    ),
    "a slow import": ("import time; time.sleep(0.55)", "importing broken took "),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_plugin_that_cannot_be_imported_is_left_out(name, everywhere):
    source, says = FAILING[name]
    everywhere(source, says)


@pytest.mark.parametrize("name", LIVING)
def test_changes_of_the_process_by_an_import_are_undone(name, everywhere):
    source, says = LIVING[name]
    before = Path.cwd(), sys.stdin, sys.getrecursionlimit(), signal.getsignal(signal.SIGINT)

    everywhere(source + GOOD, says)

    after = Path.cwd(), sys.stdin, sys.getrecursionlimit(), signal.getsignal(signal.SIGINT)
    assert after == before
