"""The options of `run` and `start` that describe the session."""

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from atoll import Name, Secret, UsageError
from atoll_sessions.creation import SessionRequest
from atoll_sessions.reasons import to_number

if TYPE_CHECKING:
    from atoll import Api


_QUEUE_OPTIONS = (
    click.option(
        "--priority",
        type=click.IntRange(0, 100),
        help="Its priority in the queue; higher ones start first, the default is 10. Since 24.09.",
    ),
    click.option(
        "--depends",
        multiple=True,
        type=Name("session"),
        metavar="SESSION",
        help="Start after this session has succeeded. Repeatable.",
    ),
    click.option(
        "--timeout",
        "--batch-timeout",
        metavar="TIME",
        help="Time limit of a batch session (on Slurm, of any session): 90, 30m, 2h. Since 24.09.",
    ),
    click.option(
        "--callback-url", metavar="URL", help="The URL to which the cluster posts its events."
    ),
)
_OPTIONS = (
    click.option(
        "-t",
        "--name",
        "--client-token",
        type=Name("session"),
        help="The session's name; random by default.",
    ),
    click.option(
        "--type",
        type=click.Choice(["batch", "interactive", "inference", "system"]),
        default="interactive",
        show_default=True,
        help="The type; a batch session runs its command and ends.",
    ),
    click.option("--starts-at", metavar="TIME", help="Start a batch session at this time."),
    click.option("--enqueue-only", is_flag=True, help="Don't wait until the session starts."),
    click.option(
        "--max-wait",
        type=click.IntRange(0),
        default=0,
        metavar="SECONDS",
        help="Wait at most this long.",
    ),
    click.option("--no-reuse", is_flag=True, help="Fail if a session of this name exists already."),
    click.option(
        "-e",
        "--env",
        multiple=True,
        type=Secret(after="="),
        metavar="KEY=VAL",
        help="Set an environment variable. Repeatable.",
    ),
    click.option(
        "--bootstrap-script",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Run this script when the session starts.",
    ),
    click.option(
        "--strict",
        is_flag=True,
        help="Fail if the bootstrap script fails; by default that is a warning.",
    ),
    click.option("--tag", help="A tag: a note that ps can show and filter."),
    click.option("--scaling-group", "--sgroup", help="Start it in this scaling group."),
    click.option(
        "-r",
        "--resources",
        "--resource",
        multiple=True,
        metavar="KEY=VAL",
        help="Ask for resources: cpu=2, mem=4g. Repeatable.",
    ),
    click.option("--cluster-size", type=click.IntRange(1), default=1, help="How many containers."),
    click.option(
        "--cluster-mode",
        type=click.Choice(["single-node", "multi-node"]),
        default="single-node",
        show_default=True,
        help="Whether its containers share a machine.",
    ),
    click.option(
        "--resource-opts",
        multiple=True,
        metavar="KEY=VAL",
        help="Resource options: shmem=64m. Repeatable.",
    ),
    click.option("-d", "--domain", help="The domain; the profile's otherwise."),
    click.option("-g", "--group", help="The group; the profile's otherwise."),
    click.option(
        "-v",
        "--volume",
        "-m",
        "--mount",
        "mounts",
        multiple=True,
        type=Name("vfolder"),
        metavar="NAME[=PATH]",
        help="Mount a virtual folder, below /home/work unless PATH says otherwise. Repeatable.",
    ),
    click.option("--preopen", metavar="PORT,…", help="Open these ports of the session to apps."),
    click.option("--assign-agent", metavar="AGENT,…", help="Start it on these agents."),
    click.option(
        "--arch", "--architecture", metavar="NAME", help="For this kind of processor: x86_64."
    ),
    click.option("--network", metavar="ID", help="Connect it to this network. Since 24.09."),
)


def queue_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say when a session starts, how long it may run, and who is notified."""
    for option in reversed(_QUEUE_OPTIONS):
        command = option(command)
    return command


def session_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that describe a session."""
    command = queue_options(command)
    for option in reversed(_OPTIONS):
        command = option(command)
    return click.argument("image", type=Name("image"))(command)


def session_request_from(api: "Api", options: Mapping[str, Any]) -> SessionRequest:
    """Make a request for a session from the options; raises UsageError."""
    given = dict(options)
    _check_name(given["name"])
    _check_batch(given)
    script: Path | None = given["bootstrap_script"]
    given |= {
        "name": given["name"] or f"atoll-{uuid4().hex[:8]}",
        "env": parse_pairs(given["env"], "-e"),
        "resources": parse_resources(given["resources"]),
        "resource_opts": parse_pairs(given["resource_opts"], "--resource-opts"),
        "bootstrap_script": _read(script) if script else None,
        "mounts": parse_mounts(given["mounts"]),
        "preopen": parse_ports(given["preopen"]),
        "assign_agent": tuple(_split(given["assign_agent"])),
        "architecture": given.pop("arch"),
        "domain": given["domain"] or api.profile.domain,
        "group": given["group"] or api.profile.group,
    }
    return SessionRequest(**given)


def _check_name(name: str | None) -> None:
    if name == "":
        raise UsageError("--name: it is empty", hint="leave it out for a random name")


def _check_batch(given: Mapping[str, Any]) -> None:
    """Raise UsageError for invalid combinations that clusters refuse without naming the option."""
    if given["type"] == "batch" and not given.get("startup_command"):
        raise UsageError(
            "a batch session needs a command to run", hint="atoll start --type batch -c COMMAND"
        )
    if given["type"] != "batch" and given["starts_at"]:
        raise UsageError("--starts-at is for batch sessions", hint="add --type batch")


def _read(path: Path) -> str:
    """Read a script as text, since the API accepts only text."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not text in UTF-8, so it can't be a script") from None


def parse_pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    """Split KEY=VAL texts at the first `=`; raises UsageError for one without it."""
    pairs = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"{option} {text}: not of the form KEY=VAL")
        pairs[key] = value
    return pairs


def parse_resources(texts: Iterable[str]) -> dict[str, str]:
    """Split `-r` texts; an amount of memory without a unit is in MiB."""
    resources = parse_pairs(texts, "-r")
    for key, amount in resources.items():
        if not amount.strip():
            raise UsageError(f"-r {key}=: no amount is given")
        if math.isnan(to_number(amount)):
            raise UsageError(f"-r {key}={amount}: not an amount like 2, 0.5 or 512m")
        if key == "mem" and amount.isdigit():
            resources[key] = amount + "m"
    return resources


def parse_mounts(texts: Iterable[str]) -> dict[str, str]:
    """Split `-v` texts into names of folders and mount paths; an empty path means the default."""
    mounts = {}
    for text in texts:
        # Both separators are in use: `=` is that of the specification, `:` that of container tools.
        name, _, path = text.replace(":", "=", 1).partition("=")
        if not name:
            raise UsageError(f"--mount {text}: no folder is named")
        mounts[name] = path
    return mounts


def parse_ports(text: str | None) -> tuple[int, ...]:
    """Split `--preopen` into port numbers."""
    ports = _split(text)
    if bad := [port for port in ports if not port.isdigit() or not 1024 <= int(port) <= 65535]:
        raise UsageError(f"--preopen {bad[0]}: a port is a number from 1024 to 65535")
    return tuple(map(int, ports))


def _split(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]
