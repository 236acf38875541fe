"""List the nodes of a site by one call of sinfo."""

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from attrs import evolve

from atoll_cluster.engines import Node
from atoll_slurm.programs import NoAnswer, Ran, run

_MIB = 2**20
_WIDTH = 200
"""Width of each column in characters; sinfo cuts longer values and pads shorter ones."""
_COLUMNS = ("NodeList", "Partition", "StateLong", "CPUsState", "Memory", "AllocMem", "FreeMem",
    "CPUsLoad", "Gres", "GresUsed", "NodeAddr", "Reason")  # fmt: skip
_SINCE_17_11 = "GresUsed"
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_LOST = {"down", "unknown", "future", "no_respond", "powering_down"}
_CLOSED = {"blocked", "drain", "drained", "draining", "fail", "failing", "inval", "maint",
    "perfctrs", "reboot", "reboot_issued", "reboot_requested", "reserved"}  # fmt: skip
"""States of nodes that accept no jobs, or only jobs of a reservation."""
_FLAGS = "*~#!%$@^-+"
_SILENT, _CLOSING = "*", set("$@^")
"""Flags after a state: the node does not answer, or it is reserved for maintenance or a reboot."""
_NOTHING = {"", "none", "(null)", "N/A"}


async def nodes(default_partition: str) -> list[Node]:
    """List the nodes; raises NoAnswer.

    Sessions that name no partition run in `default_partition`, or in Slurm's default partition if
    it is empty.
    """
    columns: Sequence[str] = _COLUMNS
    ran = await _ask(columns)
    if "invalid" in ran.err.lower():
        columns = [one for one in columns if one != _SINCE_17_11]
        ran = await _ask(columns)
    if ran.code or "invalid" in ran.err.lower():
        raise NoAnswer(ran.words)
    return parse(ran.out.splitlines(), default_partition, columns)


async def _ask(columns: Sequence[str]) -> Ran:
    fields = ",".join(f"{name}:{_WIDTH}" for name in columns)
    return await run(["sinfo", "--Node", "--noheader", "--exact", f"--Format={fields}"])


def parse(
    lines: Iterable[str], default_partition: str = "", columns: Sequence[str] = _COLUMNS
) -> list[Node]:
    """Read sinfo's lines, one for each node and partition; ignore all other lines."""
    found: dict[str, Node] = {}
    for line in lines:
        cells = [line[at : at + _WIDTH].strip() for at in range(0, len(line), _WIDTH)]
        fields = dict(zip(columns, cells, strict=False))
        if len(cells) < len(columns) or not re.fullmatch(r"\d+(/\d+){3}", fields["CPUsState"]):
            continue
        name = fields["NodeList"]
        known = found[name] if name in found else _node(fields)
        found[name] = evolve(known, groups=(*known.groups, *_groups(fields, default_partition)))
    return list(found.values())


def _groups(fields: Mapping[str, str], default_partition: str) -> list[str]:
    partition = fields["Partition"]
    name = partition.rstrip("*")
    is_default = name == default_partition if default_partition else partition.endswith("*")
    return [name, "default"] if is_default else [name]


def _node(fields: Mapping[str, str]) -> Node:
    allocated, *_, processors = map(int, fields["CPUsState"].split("/"))
    memory, state = _whole(fields["Memory"]) or 0, fields["StateLong"].lower()
    free = _whole(fields["FreeMem"])
    is_alive, is_open = is_up(state)
    slots = _slots(processors, memory, fields["Gres"])
    used = _slots(allocated, _whole(fields["AllocMem"]) or 0, fields.get("GresUsed", ""))
    return Node(
        name=fields["NodeList"],
        slots=slots,
        # Slurm also lists resources that only other nodes have, with the amount 0.
        used={name: amount for name, amount in used.items() if name in slots},
        is_alive=is_alive,
        is_open=is_open,
        state=state,
        reason=_reason(fields["Reason"], state, is_alive),
        address="" if fields["NodeAddr"] in _NOTHING else fields["NodeAddr"],
        cpu_load=_load(fields["CPUsLoad"]),
        memory_used=None if free is None else max(0, memory - free) * _MIB,
    )


def is_up(state: str) -> tuple[bool, bool]:
    """Return whether a node in this state is alive, and whether it accepts jobs."""
    word = state.rstrip(_FLAGS)
    flags = set(state[len(word) :])
    is_alive = word not in _LOST and _SILENT not in flags
    return is_alive, is_alive and word not in _CLOSED and not flags & _CLOSING


def _reason(text: str, state: str, is_alive: bool) -> str:
    if text not in _NOTHING:
        return f"{state}: {text}"
    return "" if is_alive else f"{state}: it does not answer"


def _slots(processors: int, memory: int, gres: str) -> dict[str, Decimal]:
    """Return amounts by slot name; `memory` is in MiB."""
    return {"cpu": Decimal(processors), "mem": Decimal(memory * _MIB), **gres_slots(gres)}


def gres_slots(text: str) -> dict[str, Decimal]:
    """Read generic resources, like `gpu:a100:2(S:0-1),ssd:1`, as amounts by slot name.

    A resource with a type has two slot names, one with and one without the type. GPUs without the
    type are the slot `cuda.device`.
    """
    found: dict[str, Decimal] = {}
    for part in re.sub(r"\([^()]*\)", "", text).split(","):
        *kind, count = _split(part.strip())
        if not kind:
            continue
        amount = Decimal(count)
        for slot in _names(kind):
            found[slot] = found.get(slot, Decimal(0)) + amount
    return found


def _split(part: str) -> list[str]:
    """Split a resource like `gpu:a100:2` into words; the last word is always a number."""
    if part in _NOTHING:
        return ["0"]
    words = [word for word in part.split(":") if word != "no_consume"]
    number = re.fullmatch(r"(\d+)([KMGT]?)", words[-1])
    if number is None:
        return [*words, "1"]
    return [*words[:-1], str(int(number[1]) * _UNITS[number[2]])]


def _names(kind: Sequence[str]) -> list[str]:
    typed = f"gres:{':'.join(kind)}"
    if kind[0] != "gpu":
        return [f"gres:{kind[0]}", *([typed] if len(kind) > 1 else [])]
    return ["cuda.device", *([typed] if len(kind) > 1 else [])]


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _load(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None
