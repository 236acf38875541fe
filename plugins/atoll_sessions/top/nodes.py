"""The agents of a cluster, for users who may see them: their slots, and how much of them is
used.
"""

import json
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from atoll import Problem
from atoll.reading import maybe, record, to_figure
from atoll_sessions.top.rows import HISTORY

if TYPE_CHECKING:
    from atoll import Api

_QUERY = """
query { agent_list(limit: 100, offset: 0, status: "ALIVE") {
  items { id status available_slots occupied_slots cpu_cur_pct mem_cur_bytes } total_count
} }"""


@frozen(kw_only=True)
class Node:
    """An agent: fields of GraphQL's `Agent`."""

    id: str
    status: str = ""
    available_slots: Any = None
    occupied_slots: Any = None
    cpu_cur_pct: float | None = None
    mem_cur_bytes: float | None = None

    @classmethod
    def from_node(cls, node: Mapping[str, Any]) -> "Node":
        """Take the fields known here from a GraphQL node."""
        return record(cls, node)

    def available(self, slot: str) -> float:
        """How much of a slot the agent has."""
        return _amount(self.available_slots, slot)

    def occupied(self, slot: str) -> float:
        """How much of a slot the agent has given to sessions."""
        return _amount(self.occupied_slots, slot)


def _amount(slots: Any, slot: str) -> float:
    """Return the amount of a slot; GraphQL returns slots as JSON text."""
    try:
        found = json.loads(slots) if isinstance(slots, str) else slots
    except ValueError:
        return 0.0
    return (to_figure(found.get(slot)) if isinstance(found, Mapping) else None) or 0.0


@define
class Nodes:
    """The agents by id, each with the recent load of its processors; `denied` is true if the user
    may not see agents.
    """

    by_id: dict[str, Node] = field(factory=dict)
    cpu: dict[str, "deque[float]"] = field(factory=dict)
    denied: bool = False

    async def query(self, api: "Api") -> bool:
        """Query the agents; returns whether anything has changed. Raises errors other than
        refusals.
        """
        if self.denied:
            return False
        like = {"agent_list": maybe({"items": [Node.from_node]})}
        try:
            answer = (await api.gql(_QUERY, like=like))["agent_list"]
        except Problem as problem:
            if problem.status >= 500:
                raise
            self.denied = True
            return False
        before = self.by_id
        self.by_id = {node.id: node for node in (answer or {"items": []})["items"]}
        self.cpu = {name: self.cpu.get(name) or deque(maxlen=HISTORY) for name in self.by_id}
        for name, node in self.by_id.items():
            if node.cpu_cur_pct is not None:
                self.cpu[name].append(node.cpu_cur_pct)
        return before != self.by_id
