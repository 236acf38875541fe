"""What code in the interpreter shows: by libraries, by `display`, and by what objects can do."""

import base64
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import atoll_cluster.kernel

CELL = Path(atoll_cluster.kernel.__file__).with_name("cell.py")


@pytest.fixture
def show():
    """Return the function that runs code in an interpreter of this Python, and returns what it
    showed, each as its type and its data, and what it printed.
    """
    ours, its = socket.socketpair()
    files, its_files = socket.socketpair()
    child = subprocess.Popen(
        [sys.executable, CELL, str(its.fileno()), str(its_files.fileno())],
        pass_fds=(its.fileno(), its_files.fileno()),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    its.close()
    its_files.close()
    ours.settimeout(60)
    lines = ours.makefile("r")

    def run(code: str) -> tuple[list[tuple[str, str]], str]:
        ours.sendall(json.dumps({"op": "run", "code": code, "piped": False}).encode() + b"\n")
        shown = []
        while (message := json.loads(lines.readline()))["event"] != "done":
            shown.append((message["mime"], message["data"]))
            ours.sendall(b'{"op": "shown"}\n')
        ours.shutdown(socket.SHUT_WR)
        return shown, child.communicate(timeout=60)[0]

    yield run
    child.kill()
    child.communicate()
    lines.close()
    ours.close()
    files.close()


def is_png(data: str) -> bool:
    return base64.b64decode(data).startswith(b"\x89PNG")


def test_matplotlib(show):
    """`show()` shows each figure and closes it; a figure is shown where it is the last value."""
    pytest.importorskip("matplotlib", reason="not installed: matplotlib")
    code = """
import matplotlib.pyplot as plt
plt.plot([1, 4, 9]); plt.figure(); plt.plot([3, 2, 1]); plt.show()
print(plt.get_fignums())
plt.subplots()[0]
"""
    shown, printed = show(code)
    assert [mime for mime, _ in shown] == ["image/png"] * 3
    assert all(is_png(data) for _, data in shown)
    assert printed == "[]\n<Figure size 640x480 with 1 Axes>\n"


@pytest.mark.parametrize(
    "chosen",
    ["import matplotlib; matplotlib.use('agg')", "import os; os.environ['MPLBACKEND'] = 'agg'"],
)
def test_what_the_user_has_chosen_stays(show, chosen):
    pytest.importorskip("matplotlib", reason="not installed: matplotlib")
    shown, printed = show(f"{chosen}\nimport matplotlib.pyplot as plt\nprint(plt.get_backend())")
    assert (shown, printed.lower()) == ([], "agg\n")


def test_ipython(show):
    """Its `display` shows here, too, though IPython does not run."""
    pytest.importorskip("IPython", reason="not installed: IPython")
    code = """
from IPython.display import SVG, HTML, display
display(HTML("<b>bold</b>"), SVG("<svg xmlns='http://www.w3.org/2000/svg'/>"))
"""
    shown, _ = show(code)
    assert [mime for mime, _ in shown] == ["text/html", "image/svg+xml"]
    assert shown[0][1] == "<b>bold</b>"


@pytest.mark.parametrize(
    ("methods", "shown"),
    [
        ("def _repr_svg_(self): return '<svg/>'", [("image/svg+xml", "<svg/>")]),
        ("def _repr_png_(self): return b'PNG'", [("image/png", "UE5H")]),
        ("def _repr_png_(self): return b'PNG', {'width': 3}", [("image/png", "UE5H")]),
        ("def _repr_html_(self): return 'x'", [("text/html", "x")]),
        (
            "def _repr_mimebundle_(self, include, exclude): return {'image/svg+xml': 's'}",
            [("image/svg+xml", "s")],
        ),
        ("def _repr_mimebundle_(self, **kw): return {'x/y': 's'}, {}", []),
        ("_repr_png_ = 5", []),
        ("pass", []),
    ],
)
def test_what_objects_can_do(show, methods, shown):
    """The best of it is shown, by `display` and as the last value alike."""
    thing = f"class Thing:\n  def __repr__(self): return 'thing'\n  {methods}\n"
    found, printed = show(f"{thing}display(Thing())\nThing()")
    assert found == shown * 2
    assert printed == ("thing\n" if shown else "thing\nthing\n")


def test_raw_data(show):
    found, printed = show("display({'image/svg+xml': '<svg/>'}, raw=True); display({'a': 1}, 'b')")
    assert (found, printed) == ([("image/svg+xml", "<svg/>")], "{'a': 1}\n'b'\n")


def test_an_object_that_fails_to_show_itself(show):
    """The user sees why, in lines of the user's own code alone."""
    code = "class Bad:\n  def _repr_png_(self): return 1 / 0\ndisplay(Bad())"
    found, printed = show(code)
    assert found == []
    assert printed.endswith("ZeroDivisionError: division by zero\n")
    assert "rich_display.py" not in printed


def test_threads_show_one_after_the_other(show):
    code = """
import threading
class Big:
    def _repr_svg_(self): return "x" * 300_000
threads = [threading.Thread(target=display, args=(Big(),)) for _ in range(8)]
[one.start() for one in threads]; [one.join() for one in threads]
None
"""
    found, _ = show(code)
    assert found == [("image/svg+xml", "x" * 300_000)] * 8
