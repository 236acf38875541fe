"""The access to the running cluster in a file, so that a shell can read it by SSH.

To start a Python for that takes longer than all else a command does at its beginning.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from atoll_cluster.instance import read_server
from atoll_cluster.paths import DataDir, write_private

FOLDER = "access"
"""In the data folder: a file for each engine that was asked for, `any` for none."""
ANY = "any"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def remember(data: DataDir, engine: str | None, record: Mapping[str, str]) -> None:
    """Write the access; it holds while the process of the first line runs: its id, its start, and
    the boot of the machine.
    """
    server = read_server(data)
    if server is None:
        return
    with suppress(OSError):
        process = f"{server.pid} {server.started} {_BOOT.read_text('ascii').strip()}"
        folder = data.root / FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        write_private(folder / (engine or ANY), f"{process}\n{json.dumps(dict(record))}\n")


def script(engine: str) -> str:
    """Return the lines of `sh` that print the record and exit, if it holds; none for an engine of
    an odd name.
    """
    if not re.fullmatch(r"[\w.-]*", engine, re.ASCII):
        return ""
    file = f'"${{XDG_DATA_HOME:-$HOME/.local/share}}/atoll/local/{FOLDER}/{engine or ANY}"'
    return (
        f"if [ -r {file} ] && {{ read -r pid started boot && read -r record; }} < {file} "
        f'&& [ "$boot" = "$(cat {_BOOT})" ] '
        '&& began=$(sed "s/.*) //" "/proc/$pid/stat" 2> /dev/null | cut -d " " -f 20) '
        '&& [ "$began" = "$started" ]; '
        """then printf '%s\\n' "$record"; exit 0; fi; """
    )
