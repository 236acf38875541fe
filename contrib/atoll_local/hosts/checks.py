"""The checks of `doctor` for another machine: the SSH connection, and what its cluster needs."""

from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import trio

from atoll import AtollError, Finding, NotFound, __version__
from atoll.transport import NotSent
from atoll_local.hosts.host import Address, Host
from atoll_ssh.api import NoForwarding, uses_openssh

_NOBODY = 9
"""A port of the machine at which usually no program listens; a refusal shows that SSH forwards."""
_TRIED, _NEEDED = 8, 2
_STATUSES = ("ok", "failed", "absent", "skipped")
_UPGRADE = "atoll host upgrade"


async def check(via: str) -> AsyncGenerator[Finding]:
    """Check the machine of a profile's `via`, also by its own checks; no cluster is started."""
    address = Address.parse(via)
    host = Host.at(address)
    try:
        found = await _ssh(host)
        yield found
        if found.status == "ok":
            yield await _forwarding(host)
            yield await _sessions(host)
            yield (there := await _atoll(host))
            if there.status != "failed":
                for finding in await _own_findings(host, address.engine):
                    yield finding
    finally:
        await host.ssh.aclose()


async def _ssh(host: Host) -> Finding:
    began = trio.current_time()
    try:
        await host.script("true")
    except AtollError as error:
        hint = error.hint or f"try: ssh {host.name}"
        return Finding("ssh", "failed", error.message, hint, error.exit_code)
    took = (trio.current_time() - began) * 1000
    carrier = "OpenSSH" if uses_openssh() else "atoll's own client, which is slower"
    told = f"{host.name} runs commands, the first within {took:.0f} ms, by {carrier}"
    return Finding("ssh", "ok", told)


async def _forwarding(host: Host) -> Finding:
    try:
        stream = await host.ssh.dial("127.0.0.1", _NOBODY)
        await stream.aclose()
    except NoForwarding:
        detail = "SSH forwards nothing: one command there carries all streams"
        return Finding("forwarding", "absent", detail, "nothing to do; it is a little slower")
    except NotSent:
        pass  # The machine has tried to connect, so SSH does forward; no program listens there.
    return Finding("forwarding", "ok", "SSH carries each stream by itself")


async def _sessions(host: Host) -> Finding:
    """Count how many commands one SSH connection runs at a time."""
    ran = []

    async def one() -> None:
        with suppress(AtollError):
            ran.append(await host.script("sleep 1"))

    async with trio.open_nursery() as nursery:
        for _ in range(_TRIED):
            nursery.start_soon(one)
    detail = f"{len(ran)} at a time in one connection" + (" or more" if len(ran) == _TRIED else "")
    if len(ran) < _NEEDED:
        hint = f"atoll takes {_NEEDED}: the site's MaxSessions is too low"
        return Finding("ssh sessions", "failed", detail, hint)
    return Finding("ssh sessions", "ok", f"{detail}; atoll takes {_NEEDED}")


async def _atoll(host: Host) -> Finding:
    try:
        found = await host.atoll("local", "status")
    except NotFound as error:
        return Finding("atoll there", "failed", error.message, error.hint, error.exit_code)
    except AtollError as error:
        return Finding("atoll there", "failed", error.message, f"{_UPGRADE} {host.name}")
    version, status = await host.version(), _only(found).get("status")
    detail = f"{version}, its cluster is {status}"
    if version != __version__:
        words = f"{detail}; here it is {__version__}"
        return Finding("atoll there", "absent", words, f"{_UPGRADE} {host.name}")
    return Finding("atoll there", "ok", detail)


async def _own_findings(host: Host, engine: str) -> list[Finding]:
    """Return the findings of the machine's own checks."""
    words = ["--engine", engine] if engine else []
    try:
        found = await host.atoll("local", "findings", *words)
    except AtollError as error:
        detail = f"it can't look at itself: {error.message}"
        return [Finding("atoll there", "failed", detail, f"{_UPGRADE} {host.name}")]
    return [_finding(one) for one in found if isinstance(one, dict)]


def _finding(record: dict[str, Any]) -> Finding:
    texts = [str(record.get(name) or "") for name in ("check", "detail", "hint")]
    status = record.get("status")
    code = record.get("exit_code")
    return Finding(
        texts[0] or "there",
        status if status in _STATUSES else "skipped",
        texts[1],
        texts[2],
        code if isinstance(code, int) and 0 < code < 256 else 1,
    )


def _only(found: Any) -> dict[str, Any]:
    one = found[0] if isinstance(found, list) and found else found
    return one if isinstance(one, dict) else {}
