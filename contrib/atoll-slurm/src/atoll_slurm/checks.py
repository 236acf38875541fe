"""The checks of `doctor` for a site's Slurm: one finding for each thing that sessions need."""

import re
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

import anyio

from atoll import Finding
from atoll_cluster.engines import EngineError, sandbox_programs
from atoll_slurm.programs import NoAnswer, Ran, run
from atoll_slurm.settings import Settings

_UNREACHABLE = 3
_MOST_PARTITIONS = 20
_OLDEST = (3, 9)
_NODE_TIMEOUT = 5
"""Seconds that the job that examines a node may wait in the queue."""
_LOGIND = ("/etc/systemd/logind.conf", "/etc/systemd/logind.conf.d")
_ASK_NODE = (
    "echo node=$(hostname); "
    'version="import sys; print(*sys.version_info[:3], sep=chr(46))"; '
    'echo "python=$("$0" -c "$version" 2> /dev/null)"; '
    '[ -e "$1" ] && echo home=shared; '
    'shift; for bwrap in "$@"; do '
    '"$bwrap" --unshare-user --unshare-pid --ro-bind / / --proc /proc true 2> /dev/null '
    "&& echo sandbox=yes && break; done; "
    "true"
)


async def check(data: Path, settings: Mapping[str, str]) -> AsyncIterator[Finding]:
    """Check Slurm and one of its nodes; `data` is the cluster's folder in the user's home."""
    try:
        known = Settings.read(settings)
        async for finding in _of_slurm(data, known):
            yield finding
    except (NoAnswer, EngineError) as error:
        yield Finding("slurm", "failed", str(error), "is this the login node of a site with Slurm?")
    yield logout(await anyio.to_thread.run_sync(lambda: list(_logind_texts())))


async def _of_slurm(data: Path, settings: Settings) -> AsyncIterator[Finding]:
    found = controller(await run(["scontrol", "ping"]), await run(["sinfo", "--version"]))
    yield found
    if found.status == "failed":
        return
    ran = await run(["scontrol", "show", "partition", "--oneliner"])
    config = await run(["scontrol", "show", "config"])
    for finding in partitions(ran, config, settings):
        yield finding
    yield await _accounting()
    async for finding in _of_a_node(data, settings):
        yield finding


def controller(ping: Ran, version: Ran) -> Finding:
    """Report whether the controller answers; otherwise Slurm lists no jobs and starts none."""
    if ping.code or " UP" not in ping.out:
        hint = "sessions keep their status until it answers; else ask the site"
        words = f"its controller does not answer: {ping.words}"
        return Finding("slurm", "failed", words, hint, _UNREACHABLE)
    return Finding("slurm", "ok", f"{version.out.strip()}; its controller answers")


def partitions(ran: Ran, config: Ran, settings: Settings) -> Iterator[Finding]:
    """Report what each partition offers, and whether the partition in the settings exists."""
    if ran.code:
        yield Finding("partitions", "failed", ran.words, "ask the site")
        return
    found = [dict(re.findall(r"(\w+)=(\S*)", line)) for line in ran.out.splitlines()]
    found = [one for one in found if "PartitionName" in one]
    everywhere = dict(re.findall(r"(?m)^(DefMemPer\w+)\s*=\s*(\S+)", config.out))
    for one in found[:_MOST_PARTITIONS]:
        yield _partition(one, everywhere)
    if more := found[_MOST_PARTITIONS:]:
        yield Finding("partitions", "ok", f"{len(more)} more")
    names = [one["PartitionName"] for one in found]
    if settings.partition and settings.partition not in names:
        words = f"the setting partition is {settings.partition}, and there is none of that name"
        yield Finding("partitions", "failed", words, f"there are {', '.join(names)}")
    elif not (settings.partition or any(one.get("Default") == "YES" for one in found)):
        words = "Slurm has no default partition, and none is set"
        yield Finding("partitions", "absent", words, "atoll local up --set partition=NAME")


def _partition(values: Mapping[str, str], everywhere: Mapping[str, str]) -> Finding:
    name, longest = f"partition {values['PartitionName']}", values.get("MaxTime", "UNLIMITED")
    parts = [
        "the default" if values.get("Default") == "YES" else "",
        f"{values.get('TotalNodes', '?')} nodes",
        "no time limit" if longest == "UNLIMITED" else f"at most {longest}",
        f"{values['DefaultTime']} for jobs that ask for none"
        if values.get("DefaultTime", "NONE") not in {"NONE", longest}
        else "",
        _default_memory(values) or _default_memory(everywhere) or "all memory of a node by default",
    ]
    detail = "; ".join(part for part in parts if part)
    state = values.get("State", "UP")
    if state == "UP":
        return Finding(name, "ok", detail)
    return Finding(name, "absent", f"it is {state}; {detail}", "sessions in it wait")


def _default_memory(values: Mapping[str, str]) -> str:
    """Return the memory of a job that asks for none; empty if that is not limited."""
    for key, of in (("DefMemPerCPU", "CPU"), ("DefMemPerNode", "node")):
        if values.get(key, "UNLIMITED") != "UNLIMITED":
            return f"{values[key]} MB a {of} by default"
    return ""


async def _accounting() -> Finding:
    try:
        ran = await run(["sacct", "--allocations", "--noheader", "--starttime=now"])
    except (NoAnswer, EngineError) as error:
        return _no_accounting(str(error))
    return _no_accounting(ran.words) if ran.code else Finding("accounting", "ok", "sacct answers")


def _no_accounting(words: str) -> Finding:
    return Finding(
        "accounting", "absent", f"none: {words}", "not needed: sessions record their own end"
    )


async def _of_a_node(data: Path, settings: Settings) -> AsyncIterator[Finding]:
    """Examine a node by a short job; give up after a few seconds if all nodes are busy."""
    token = anyio.Path(data / f"doctor-{secrets.token_hex(8)}")
    await token.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    await token.touch(0o600)
    where = {"partition": settings.partition, "account": settings.account, "qos": settings.qos}
    srun = ["srun", "--ntasks=1", "--time=1", f"--immediate={_NODE_TIMEOUT}", "--quiet"]
    srun += [f"--{name}={value}" for name, value in where.items() if value]
    srun += ["--job-name=atoll-doctor", "--chdir=/", *settings.extra_words]
    try:
        words = [settings.python, str(token), *sandbox_programs()]
        ran = await run([*srun, "sh", "-c", _ASK_NODE, *words])
    finally:
        await token.unlink(missing_ok=True)
    for finding in node(ran, settings):
        yield finding


def node(ran: Ran, settings: Settings) -> Iterator[Finding]:
    """Report what the job on a node has printed."""
    answer = dict(line.split("=", 1) for line in ran.out.splitlines() if "=" in line)
    if "node" not in answer:
        words = f"no node has answered within {_NODE_TIMEOUT} s: {ran.words}"
        yield Finding("nodes", "skipped", words, "all may be busy; try again later")
        return
    name = answer["node"]
    yield _python(name, answer.get("python", ""), settings.python)
    if answer.get("home") == "shared":
        yield Finding("shared home", "ok", f"{name} sees new files of the home at once")
    else:
        hint = "sessions need a home that the nodes share; ask the site for one"
        yield Finding("shared home", "failed", f"{name} does not see files of the home", hint)
    yield _sandbox(name, settings, works="sandbox" in answer)


def _sandbox(name: str, settings: Settings, *, works: bool) -> Finding:
    what = "sandbox on nodes"
    if not works:
        hint = "sessions are plain processes there, and their job is their limit"
        return Finding(what, "absent", f"bubblewrap does not work on {name}", hint)
    if settings.sandbox == "auto":
        return Finding(what, "ok", f"sessions run in bubblewrap on {name}")
    words = f"none, though bubblewrap works on {name}; --set sandbox=auto uses it"
    return Finding(what, "ok", words)


def _python(name: str, version: str, program: str) -> Finding:
    hint = "atoll local up --set python=PATH names another, while the cluster is stopped"
    if not version:
        return Finding("python on nodes", "failed", f"{name} has no {program}", hint)
    if tuple(map(int, version.split(".")[:2])) < _OLDEST:
        words = f"{program} of {name} is {version}, older than 3.9"
        return Finding("python on nodes", "failed", words, hint)
    return Finding("python on nodes", "ok", f"{program} of {name} is {version}")


def _logind_texts() -> Iterator[str]:
    main, folder = map(Path, _LOGIND)
    for path in [main, *sorted(folder.glob("*.conf"))]:
        try:
            yield path.read_text("utf-8", "replace")
        except OSError:
            continue


def logout(texts: Sequence[str]) -> Finding:
    """Report whether logging out ends the user's processes on the login node."""
    found = [re.findall(r"(?m)^\s*KillUserProcesses\s*=\s*(\w+)", text) for text in texts]
    last = [word for words in found for word in words][-1:]
    if last and last[0].lower() in {"yes", "true", "1", "on"}:
        words = "ends all programs, also that of the cluster; sessions continue"
        return Finding("logging out", "absent", words, "the next command starts it again")
    return Finding("logging out", "ok", "logind ends no programs; the site may do so")
