"""Read a request for a session: check its parameters and create the records."""

import math
import platform
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen

from atoll_cluster import clock
from atoll_cluster.api.request.access import Caller
from atoll_cluster.api.request.call import Call
from atoll_cluster.api.request.params import Params
from atoll_cluster.api.request.problems import Problem, invalid_params, not_found
from atoll_cluster.api.sessions.mounts import read_mounts
from atoll_cluster.api.sessions.naming import only
from atoll_cluster.api.sessions.placement import read_agents, read_resource_opts
from atoll_cluster.engine.contract import Image, Resolution, UnknownImageError
from atoll_cluster.images import default, minimum
from atoll_cluster.scheduler.callbacks import is_callback_url
from atoll_cluster.scheduler.machine import Machine
from atoll_cluster.slots import AmountError, Slots, from_text, is_device, plain, show_size
from atoll_cluster.store.access import usable_by
from atoll_cluster.store.records import Group, KernelRow, Session

_NAME = re.compile(r"(?=.{1,64}$)\w(?:[\w.-]*\w)?", re.ASCII)
"""The form of session names; releases before 25 require at least 4 characters."""
_UNITS = ("weeks", "days", "hours", "minutes", "seconds")
_DURATION = re.compile(
    r"\+?\s*(?=\d)"
    + "".join(rf"(?:(?P<{unit}>\d{{1,9}}(?:\.\d{{1,9}})?)\s*{unit[0]}\s*)?" for unit in _UNITS),
    re.ASCII,
)
"""A duration like `10s`, `1h30m` or `+2d`."""
_ACCELERATORS = frozenset({"gpu", "gpus", "cuda", "nvidia", "rocm", "tpu"})
"""Names that users try for accelerators; `gpu` was one in old releases."""
_MOST_DEPENDENCIES = 200
_TYPES = frozenset({"interactive", "batch", "inference"})


_USUAL_ARCHITECTURE = "x86_64"
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
"""Other names of architectures, and the names that Linux uses."""


@frozen
class SessionRequest:
    """The records of a session to create, and the runtime of its image."""

    session: Session
    resolution: Resolution

    def kernels(self) -> list[KernelRow]:
        """Return the records of its kernels, the main one first."""
        return [_kernel(self.session, index) for index in range(self.session.cluster_size)]


def read_session_request(call: Call) -> SessionRequest:
    """Convert a create request to records; raises Problem 400 or 404."""
    params, owner = call.params, call.owner
    config = Params(params.mapping("config"))
    resolution = _image(call)
    slots, size = _slots(call, resolution.image, config), _cluster_size(params, config)
    _refuse_oversize(slots.times(size), call.cluster.machine)
    group = _group(call, owner)
    at = clock.now()
    session = Session(
        id=str(uuid.uuid4()),
        name=read_name(params),
        image=resolution.image.canonical,
        asked_image=params.required("image", "lang"),
        architecture=_architecture(call),
        access_key=owner.access_key,
        user_uuid=owner.user.uuid,
        domain_name=owner.user.domain_name,
        group_id=group.id,
        scaling_group=_scaling_group(call, owner, group, config),
        tag=params.text("tag"),
        cluster_mode=_cluster_mode(params),
        cluster_size=size,
        priority=params.integer("priority", default=10, maximum=100),
        requested_slots=slots.as_text(),
        resource_opts={
            **read_resource_opts(config, slots.mem),
            **_time_limit(call),
            **read_agents(config, call.cluster),
        },
        environ=_environ(config),
        vfolder_mounts=read_mounts(call.cluster, owner, config),
        preopen_ports=_ports(config),
        dependencies=_dependencies(call, owner),
        bootstrap_script=_bootstrap(call, owner),
        callback_url=_callback(params),
        status_changed=at,
        created_at=at,
        **_batch(params),
    )
    return SessionRequest(session, resolution)


def read_name(params: Params) -> str:
    """Return a valid session name; raises Problem 400."""
    name = params.required("name", "session_name", "clientSessionToken")
    if not _NAME.fullmatch(name) or name == "from-template":
        why = "must be 1 to 64 letters, digits, '_', '-' or '.', not ending in '-' or '.'"
        raise invalid_params(f"session name {name!r} {why}", {"name": why})
    return name


def _image(call: Call) -> Resolution:
    name, images, user = call.params.required("image", "lang"), call.cluster.images, call.owner.user
    try:
        return images.resolve(name, user)
    except UnknownImageError as error:
        alike = {"near": images.near(name, user)}
        raise not_found("environment image", str(error), alike) from error


def _architecture(call: Call) -> str:
    """Return the requested architecture; raises Problem 404 if no machine has it.

    Clients request x86_64 if their users request none, so x86_64 is accepted on all machines.
    """
    asked = call.params.text("architecture", "arch") or _USUAL_ARCHITECTURE
    nodes = (one.architecture for one in call.cluster.nodes.known)
    here = {platform.machine().lower(), *(one.lower() for one in nodes if one)}
    wanted = asked.lower()
    if wanted != _USUAL_ARCHITECTURE and _ARCHITECTURES.get(wanted, wanted) not in here:
        message = f"no image is for {asked} here, only for {', '.join(sorted(here))}"
        raise not_found("environment image", message)
    return asked


def _group(call: Call, owner: Caller) -> Group:
    params, accounts = call.params, call.cluster.store.accounts
    domain = params.text("domain", "domainName", "domain_name") or owner.user.domain_name
    name = params.text("group", "groupName", "group_name") or "default"
    group = accounts.group_by_name(name, domain)
    allowed = owner.is_superadmin or (group and accounts.is_member(group.id, owner.user.uuid))
    if group is None or not group.is_active or not allowed:
        raise not_found("user group", f"no group {name!r} in domain {domain!r} for this user")
    realm = accounts.domain(group.domain_name)
    if realm is None or not realm.is_active:
        raise not_found("domain", f"domain {domain!r} is not active")
    return group


def _scaling_group(call: Call, owner: Caller, group: Group, config: Params) -> str:
    """Return the requested scaling group, otherwise the first available one."""
    names = usable_by(call.cluster.store.db, group.domain_name, group.id, owner.access_key)
    asked = config.text("scaling_group", "scalingGroup")
    if asked in names:
        return asked
    if names and not asked:
        return names[0]
    there = f"there are {', '.join(names)}" if names else "there are none"
    what = f"scaling group {asked!r} is not available" if asked else "no scaling group is available"
    raise not_found("scaling group", f"{what} to this user in group {group.name!r}; {there}")


def _slots(call: Call, image: Image, config: Params) -> Slots:
    resources = config.mapping("resources")
    try:
        asked = from_text(resources)
    except AmountError as error:
        raise _bad_resources(str(error)) from error
    _refuse_unknown(set(resources), asked, call.cluster.machine)
    machine, usual = call.cluster.machine, default(image)
    memory = min(usual.mem, machine.memory) if machine.is_bounded else usual.mem
    slots = Slots(asked.cpu or usual.cpu, asked.mem or memory, asked.devices)
    if not minimum(image).fits(slots):
        need = minimum(image)
        raise _bad_resources(
            f"{image.canonical} needs cpu {plain(need.cpu)}, mem {show_size(need.mem)}"
        )
    return slots


def _refuse_unknown(names: set[str], asked: Slots, machine: Machine) -> None:
    if not machine.is_bounded:
        _refuse_misnamed(names, machine)
        return  # The engine accepts or refuses slots with names of devices itself.
    if unknown := names - machine.slot_types.keys():
        there = ", ".join(machine.slot_types)
        why = f"unknown resource slot: {', '.join(sorted(unknown))} (this machine has {there})"
        if misnamed := sorted(unknown - asked.devices.keys()):
            raise _bad_resources(f"{why}{_right_name(misnamed[0])}")
        hint = f"; {_how_to_simulate(asked, machine)}" if machine.is_here else ""
        raise _bad_resources(f"{why}{hint}")


def _refuse_misnamed(names: set[str], machine: Machine) -> None:
    if wrong := sorted(name for name in names - machine.slot_types.keys() if not is_device(name)):
        there = ", ".join(machine.slot_types)
        why = f"unknown resource slot: {wrong[0]} (there are {there} and devices)"
        raise _bad_resources(f"{why}{_right_name(wrong[0])}")


def _right_name(slot: str) -> str:
    """Return a hint for a name that people use for something else."""
    if slot.lower() in _ACCELERATORS:
        return "; accelerators have names like cuda.shares (parts) and cuda.device (whole ones)"
    if slot.lower() in {"cpu", "mem"}:
        return f"; the slot's name is {slot.lower()}"
    return "; the resource option is --resource-opts shmem=64m" if slot == "shmem" else ""


def _refuse_oversize(slots: Slots, machine: Machine) -> None:
    if not machine.is_bounded:
        return
    whole = machine.slots
    for name in slots.lacking(whole):
        asked, there = slots.as_text()[name], whole.as_text()[name]
        if name == "mem":
            asked, there = show_size(slots.mem), show_size(whole.mem)
        why = f"{name}: {asked} requested, this machine has {there}"
        hint = f"; {_how_to_simulate(slots, machine)}" if machine.is_here else ""
        raise _bad_resources(f"{why}{hint}")


def _how_to_simulate(slots: Slots, machine: Machine) -> str:
    """Return a hint with the command that simulates all of the requested slots."""
    lacking = {name: slots.as_text()[name] for name in slots.lacking(machine.slots)}
    amounts = machine.simulated | lacking
    if "mem" in amounts:
        amounts["mem"] = f"{math.ceil(int(amounts['mem']) / 2**30)}g"
    wanted = ",".join(f"{name}={amount}" for name, amount in amounts.items())
    return f"to simulate more: atoll local down, then atoll local up --slots {wanted}"


def _bad_resources(why: str) -> Problem:
    return invalid_params(why, {"resources": why})


def _cluster_mode(params: Params) -> str:
    mode = params.text("clusterMode", "cluster_mode") or "single-node"
    if mode not in {"single-node", "multi-node"}:
        raise invalid_params(f"unknown cluster mode {mode!r}", {"clusterMode": mode})
    return mode


def _cluster_size(params: Params, config: Params) -> int:
    older = config.integer("clusterSize", "cluster_size", default=1, minimum=1)
    return params.integer("clusterSize", "cluster_size", default=older, minimum=1)


def _environ(config: Params) -> dict[str, str]:
    environ = config.mapping("environ")
    wrong = [
        name for name in environ if not name or "=" in name or "\0" in f"{name}{environ[name]}"
    ]
    if wrong:
        raise invalid_params(f"environ: {wrong[0]!r} cannot be set", {"environ": "invalid"})
    return {name: Params(environ).text(name) or "" for name in environ}


def _ports(config: Params) -> list[int]:
    # The client of 23.09 sends the ports as texts.
    asked = config.sequence("preopen_ports", "preopenPorts")
    ports = [int(port) if str(port).isdecimal() else port for port in asked]
    wrong = [port for port in ports if not isinstance(port, int) or not 1024 <= port <= 65535]
    if wrong:
        why = f"ports must be 1024 to 65535, not {wrong[0]!r}"
        raise invalid_params(why, {"preopen_ports": why})
    return list(dict.fromkeys(ports))


def _dependencies(call: Call, owner: Caller) -> list[str]:
    sessions = call.cluster.store.sessions
    references = [str(reference) for reference in call.params.sequence("dependencies")]
    if len(references) > _MOST_DEPENDENCIES:
        why = f"a session can depend on {_MOST_DEPENDENCIES} others at most"
        raise invalid_params(f"dependencies: {why}", {"dependencies": why})
    return [
        only(sessions.find(reference, owner.access_key, dead=True)[-1:], reference).id
        for reference in references
    ]


def _bootstrap(call: Call, owner: Caller) -> str | None:
    """Return the bootstrap script of the request, otherwise that of the keypair."""
    given = read_script(call.params)
    return given or call.cluster.store.dotfiles.bootstrap_script(owner.access_key)


def read_script(params: Params) -> str | None:
    """Return the bootstrap script of a request, or None; raises Problem 400."""
    return params.text("bootstrap_script", "bootstrapScript") or None


def _callback(params: Params) -> str | None:
    url = params.text("callback_url", "callbackUrl", "callbackURL")
    if url and not is_callback_url(url):
        why = "must begin with http:// or https://"
        raise invalid_params(f"callback_url {why}", {"callback_url": why})
    return url


def _batch(params: Params) -> dict[str, Any]:
    kind = (params.text("type", "sessionType") or "interactive").lower()
    if kind not in _TYPES:
        raise invalid_params(f"unknown session type {kind!r}", {"type": kind})
    command = params.text("startupCommand", "startup_command")
    starts_at = params.text("starts_at", "startsAt")
    if kind == "batch" and not command:
        raise invalid_params(
            "a batch session needs a startup command", {"startupCommand": "missing"}
        )
    if starts_at and kind != "batch":
        raise invalid_params("only batch sessions can start later", {"starts_at": "batch only"})
    return {
        "type": kind.upper(),
        "startup_command": command,
        "starts_at": _moment(starts_at) if starts_at else None,
    }


def _time_limit(call: Call) -> dict[str, int]:
    """Return the time limit of a session in seconds, for engines that can end sessions."""
    text = call.params.text("batch_timeout", "batchTimeout")
    if not text or call.cluster.machine.is_bounded:
        return {}
    seconds = float(text) if text.strip().isdecimal() else _duration(text)
    if not seconds:
        why = f"{text!r} is not a duration like 90 or 30m"
        raise invalid_params(f"batch_timeout: {why}", {"batch_timeout": why})
    return {"time_limit": math.ceil(seconds)}


def _duration(text: str) -> float | None:
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None:
        return None
    return timedelta(
        **{unit: float(one or 0) for unit, one in match.groupdict().items()}
    ).total_seconds()


def _moment(text: str) -> str:
    try:
        if (seconds := _duration(text)) is not None:
            return clock.stamp(datetime.now(UTC) + timedelta(seconds=seconds))
        return clock.stamp(clock.parse(text))
    except (ValueError, OverflowError):
        why = f"{text!r} is neither a time nor a duration like 30m"
        raise invalid_params(why, {"starts_at": why}) from None


def _kernel(session: Session, index: int) -> KernelRow:
    role = "sub" if index else "main"
    return KernelRow(
        id=str(uuid.uuid4()),
        session_id=session.id,
        cluster_role=role,
        cluster_idx=index or 1,
        cluster_hostname=f"{role}{index or 1}",
        status_changed=session.created_at,
        created_at=session.created_at,
    )
