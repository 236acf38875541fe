"""Tries every command of each client on each cluster, and writes the tables of
docs/compatibility.md.

    python tests/interop/compatibility 23.09=ENV.SH 26.4=ENV.SH

Official clients face an embedded cluster; our own commands face that and the clusters named, whose
files say where each is and with which keys (`export BACKEND_ENDPOINT=…`). An embedded cluster is
made anew for each of the official clients.
"""

import re
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[2])]

from embedded import embedded_cluster  # noqa: E402  # found by the line above
from leaves import leaves_of_client, our_leaves  # noqa: E402  # likewise
from outcomes import Outcome  # noqa: E402  # likewise
from page import write_tables  # noqa: E402  # likewise
from running import Walker  # noqa: E402  # likewise
from tests.official import CLIENTS, find_python, install  # noqa: E402  # likewise

Column = Mapping[str, Outcome]
_EXPORT = re.compile(r"^export (BACKEND_\w+)=(.*)$", re.MULTILINE)
SCRIPTS = Path(sys.executable).parent
_OURS = SCRIPTS / "atoll"
_STANDING_IN = SCRIPTS / "backend.ai"
"""The same by the name under which it asks no more than the official client does."""


def try_clients() -> dict[str, Column]:
    """Have each official client walk along an embedded cluster of its own."""
    return {client.release: _try_client(client) for client in CLIENTS}


def _try_client(client: object) -> Column:
    python = find_python(client.python)
    if python is None:
        sys.exit(f"client {client.release} needs Python {client.python}")
    programs = install(client.release, client.requirements, python)
    with tempfile.TemporaryDirectory() as data, embedded_cluster(Path(data)) as environ:
        walker = Walker(programs / "backend.ai", _OURS, environ, shared=False)
        return walker.walk(leaves_of_client(programs / "python"), _say(client.release))


def try_ours(clusters: Mapping[str, Path]) -> dict[str, Column]:
    """Have our own program walk along an embedded cluster, and each of those named."""
    leaves = our_leaves()
    found = {}
    with tempfile.TemporaryDirectory() as data, embedded_cluster(Path(data)) as environ:
        walker = Walker(_STANDING_IN, _OURS, environ, shared=False)
        found["embedded"] = walker.walk(leaves, _say("embedded"))
    for name, file in clusters.items():
        environ = dict(_EXPORT.findall(file.read_text()))
        found[name] = Walker(_STANDING_IN, _OURS, environ, shared=True).walk(leaves, _say(name))
    return found


def _say(column: str):
    return lambda text: sys.stderr.write(f"{column}: {text}\n")


def main() -> None:
    """Try all, two at a time, and write the tables."""
    clusters = {name: Path(file) for name, _, file in (one.partition("=") for one in sys.argv[1:])}
    with ThreadPoolExecutor() as pool:
        clients, ours = pool.submit(try_clients), pool.submit(try_ours, clusters)
        write_tables(clients.result(), ours.result())


main()
