"""Store the access to the running cluster in a file, which a shell can read over SSH.

Otherwise a command for the cluster of another machine would have to start Python there first, which
takes most of the time until the command begins.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from atoll_cluster.instance import read_server
from atoll_cluster.paths import DataDir, write_private

FOLDER = "access"
"""A folder in the data folder, with a file for each requested engine, and `any` for no engine."""
ANY = "any"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def remember(data: DataDir, engine: str | None, record: Mapping[str, str]) -> None:
    """Write the access to its file.

    The first line identifies the cluster's process: its id, its start time and the boot of the
    machine. The access is valid while this process runs.
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
    """Return a script for `sh` that prints the record and exits if the record is valid.

    The script is empty if the engine's name has unusual characters.
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
