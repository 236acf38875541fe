"""How long the first prompt takes, beside importing its libraries, and a key until it is on the
screen, beside a bare prompt of prompt_toolkit.

The prompt knows 10,000 sessions, 5,000 images and 10,000 earlier lines. It is typed at on a
terminal, 50 keys a second: names that many begin with, and at the end of 1,000 lines. The cluster
accepts connections and says nothing. The time for which others had the processors is left out.

    python tests/benchmarks/keys.py [KEYS]
"""

import json
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from common import ATOLL, plain_environment, say, wall_time
from terminal import DEADLINE, Terminal, opened

from atoll import Candidate, Profile
from atoll._shell.names import Names
from atoll._shell.queries import NamesOf

KEYS = int(sys.argv[1]) if len(sys.argv) > 1 else 300
TARGET = 0.016
"""Seconds that 99 of 100 keys may take at the most."""
PACE = 0.02
"""Seconds between two keys."""
SESSIONS, IMAGES, EARLIER, LINES = 10_000, 5_000, 10_000, 1_000
STARTS, SLOWER = 9, 1.5
"""How often the prompt is opened, and what it may take in times of importing its libraries."""
LIBRARIES = (sys.executable, "-c", "import prompt_toolkit, prompt_toolkit.shortcuts, trio, httpx")
PASTE = "\x1b[200~{}\x1b[201~"
BARE = (
    sys.executable,
    "-c",
    "from prompt_toolkit import PromptSession; PromptSession('atoll> ', multiline=True).prompt()",
)
BEGUN = {
    "a name of 10,000": "rm exp-resnet-",
    "an image of 5,000": "run registry.example/team/",
    "the end of 1,000 lines": "\r".join(["ps --all -f 'id,name' | grep x"] * LINES),
    "a block of 1,000 lines": "for x in a {\r" + "\r".join(["ps -f 'id' | grep $x"] * LINES),
    "a quote of 1,000 lines": "run -c '" + "\r".join(["print(6 * 7)  # if x > y"] * LINES),
}


def main() -> None:
    """Print a table: what is typed, and the median, the 99th percentile and the most of each."""
    with (
        tempfile.TemporaryDirectory() as name,
        socket.create_server(("127.0.0.1", 0)) as silent,
    ):
        environ = plain_environment(Path(name))
        environ |= {
            "BACKEND_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "BACKEND_ACCESS_KEY": "AK",
            "BACKEND_SECRET_KEY": "SK",
        }
        know(Path(environ["ATOLL_HOME"]), environ)
        start(environ)
        typing = environ | {"ATOLL_SHELL_MENU": "typing"}
        say(f"{'':26} {'':16} {'median':>9} {'99 %':>9} {'most':>9}")
        met = True
        for what, begun in BEGUN.items():
            show(what, "bare prompt", measure(BARE, environ, begun))
            met &= show("", "atoll", measure([ATOLL], environ, begun))
            met &= show("", "menu typing", measure([ATOLL], typing, begun))
    say(f"99 of 100 keys within {TARGET * 1000:.0f} ms: {'yes' if met else 'NO'}")


def start(environ: Mapping[str, str]) -> None:
    """Open prompts and import their libraries in turns; print the medians and their ratio."""
    opened, imported = [], []
    for _ in range(STARTS):
        opened.append(time_to_prompt(environ))
        imported.append(wall_time(LIBRARIES, environ))
    ours, peer = statistics.median(opened), statistics.median(imported)
    met = "yes" if ours <= peer * SLOWER else "NO"
    times = f"first prompt {ours * 1000:.0f} ms, its libraries {peer * 1000:.0f} ms"
    say(f"{times}: {ours / peer:.2f}x, {SLOWER}x at the most: {met}")


def time_to_prompt(environ: Mapping[str, str]) -> float:
    """Open a prompt; returns the seconds until it is on the screen."""
    began, shown = time.perf_counter(), b""
    terminal = Terminal([ATOLL], environ)
    while b"atoll>" not in shown:
        if not terminal.wait(DEADLINE):
            sys.exit("no prompt was shown")
        shown += terminal.read()
    took = time.perf_counter() - began
    terminal.close()
    return took


def know(home: Path, environ: Mapping[str, str]) -> None:
    """Have the prompt know names and earlier lines, as it would from the last time."""
    names = Names()
    keys = {"access_key": environ["BACKEND_ACCESS_KEY"], "secret_key": "SK"}
    endpoint = environ["BACKEND_ENDPOINT"]
    names.switch(home / "cache", Profile(name="environment", endpoint=endpoint, **keys))
    sessions = [Candidate(f"exp-resnet-{n:05}", "RUNNING") for n in range(SESSIONS)]
    images = [Candidate(f"registry.example/team/python:{n}") for n in range(IMAGES)]
    names.learn(NamesOf("session"), sessions)
    names.learn(NamesOf("image"), images)
    names.save()
    state = home / "state"
    state.mkdir(parents=True)
    lines = [{"at": 1.7e9 + n, "line": f"info exp-resnet-{n:05}"} for n in range(EARLIER)]
    (state / "history.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))


def measure(command: Sequence[str], environ: Mapping[str, str], begun: str) -> list[float]:
    """Type after what was pasted; returns the seconds that each key took."""
    times = []
    with opened(command, environ) as terminal:
        terminal.press(PASTE.format(begun))
        terminal.rest()
        for number in range(KEYS):
            # Words of five digits, so that names fit for a while, and then none does.
            times.append(terminal.time("01234 "[number % 6])[1])
            while terminal.wait(PACE):
                terminal.read()
    return times


def show(what: str, whose: str, times: list[float]) -> bool:
    """Print a line of the table; returns whether the target is met."""
    slow = statistics.quantiles(times, n=100)[98]
    shown = (
        f"{seconds * 1000:6.1f} ms" for seconds in (statistics.median(times), slow, max(times))
    )
    say(f"{what:26} {whose:16} {' '.join(shown)}")
    return slow <= TARGET


if __name__ == "__main__":
    main()
