"""Find, start and stop the program of the embedded cluster."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from atoll import AtollError, Paths, Profile, __version__
from atoll.files import open_private, read_private
from atoll_cluster.instance import ServerInfo, find_server, process_start, read_server
from atoll_cluster.paths import DataDir, StartError

_START_DEADLINE = 75.0
_STOP_DEADLINE = 60.0
_POLL = 0.01
_LEAST_SPACE = 64 * 1024
"""Free bytes on the disk that a cluster needs to start."""


def data_dir(paths: Paths) -> DataDir:
    """Return the data folder of the cluster."""
    return DataDir(paths.data / "local")


def offer(paths: Paths, say: Callable[[str], None]) -> Profile:
    """Return a profile for the embedded cluster; start it if it does not run."""
    data = data_dir(paths)
    server = find_server(data)
    if server is None:
        say("atoll: starting the embedded cluster (atoll local --help explains it)")
        server = start(data)
        if slots := simulated(data):
            say(f"atoll: it simulates {slots}")
    elif server.version != __version__:
        say("atoll: the embedded cluster runs another version of atoll; atoll local down stops it")
    return profile(data, server)


def simulated(data: DataDir) -> str:
    """Return the simulated slots as text, like `cpu 8, cuda.shares 4`."""
    from atoll_cluster.configuration import read_configuration
    from atoll_cluster.scheduler.machine import Machine
    from atoll_cluster.slots import show_size

    try:
        machine = Machine.this(read_configuration(data).slots)
    except StartError:
        return ""  # The start of the cluster reports the error.
    amounts = {**machine.simulated, "mem": show_size(machine.memory)}
    return ", ".join(f"{name} {amounts[name]}" for name in machine.simulated)


def running(paths: Paths) -> Profile | None:
    """Return the profile of the embedded cluster, None if it does not run."""
    data = data_dir(paths)
    server = read_server(data)
    return profile(data, server) if server else None


def profile(data: DataDir, server: ServerInfo) -> Profile:
    """Create the profile of a running cluster, with the keys of its administrator."""
    try:
        keys = json.loads(read_private(data.credentials))["admin"]
        access_key, secret_key = str(keys["access_key"]), str(keys["secret_key"])
    except (OSError, ValueError, LookupError, TypeError):
        raise AtollError(
            f"the keys of the embedded cluster are not in {data.credentials}",
            hint="atoll local down, delete that file, atoll local up: this writes it again",
        ) from None
    return Profile(
        name="local", endpoint=server.endpoint, access_key=access_key, secret_key=secret_key
    )


def start(data: DataDir, sandbox: str = "") -> ServerInfo:
    """Start the program and wait until it answers; raises AtollError with its last message."""
    from atoll_local.delegation import delegation_command

    try:
        data = DataDir.prepare(data.root)
    except StartError as refusal:
        raise AtollError(f"the embedded cluster did not start: {refusal}") from None
    command = [*delegation_command(), sys.executable, "-m", "atoll_cluster"]
    command += ["--data", str(data.root), "--release", __version__, "--log-file"]
    command += ["--sandbox", sandbox or os.environ.get("ATOLL_LOCAL_SANDBOX") or "auto"]
    last_output = data.log_folder / "start.log"
    if last_output.exists():
        # The program that starts now copies this file into its log.
        last_output.replace(data.last_output)
    with os.fdopen(open_private(last_output, os.O_TRUNC), "w") as log:
        # The program gets its own process session, so that Ctrl-C in the shell does not end it.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
    deadline = time.monotonic() + _START_DEADLINE
    while time.monotonic() < deadline:
        if server := read_server(data):
            return server
        if process.poll():
            break
        time.sleep(_POLL)
    raise AtollError(
        f"the embedded cluster did not start: {_reason(data, last_output)}",
        hint=f"its log is in {data.log_folder}",
    )


def _reason(data: DataDir, last_output: Path) -> str:
    if shutil.disk_usage(data.root).free < _LEAST_SPACE:
        return f"no space is left on the disk of {data.root}"
    words = last_output.read_text(errors="replace").strip().splitlines()
    return words[-1] if words else "it printed no reason"


def stop(data: DataDir) -> bool:
    """Stop the program and its sessions; returns whether it ran. Raises AtollError on timeout."""
    server = find_server(data)
    if server is None:
        return False
    os.kill(server.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_DEADLINE
    while time.monotonic() < deadline:
        if process_start(server.pid) != server.started:
            return True
        time.sleep(_POLL)
    raise AtollError(f"the embedded cluster (process {server.pid}) does not stop")
