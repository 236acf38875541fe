"""Read the options of a new session for its agents and its resources."""

from typing import Any

from atoll_cluster.api.request.params import Params
from atoll_cluster.api.request.problems import invalid_params
from atoll_cluster.cluster import Cluster
from atoll_cluster.scheduler.machine import AGENT
from atoll_cluster.slots import AmountError, parse_size


def read_agents(config: Params, cluster: Cluster) -> dict[str, list[str]]:
    """Return the agents in `agent_list`; nothing if the cluster has only one agent.

    Raises Problem 400 if one of them does not exist.
    """
    agents = [str(agent) for agent in config.sequence("agent_list", "agentList")]
    has_nodes = cluster.machine.has_nodes
    known = [one.name for one in cluster.nodes.known] if has_nodes else [AGENT]
    if known and (unknown := [agent for agent in agents if agent not in known]):
        there = f"there are {', '.join(known)}" if has_nodes else f"the only one is {AGENT}"
        why = f"there is no agent {unknown[0]!r}; {there}"
        raise invalid_params(why, {"agent_list": why})
    return {"agents": agents} if agents and has_nodes else {}


def read_resource_opts(config: Params, memory: int) -> dict[str, Any]:
    """Return `resource_opts`, whose `shmem` must be less than the memory; raises Problem 400."""
    options = config.mapping("resource_opts", "resourceOpts")
    try:
        shared = parse_size(options.get("shmem") or 0)
    except AmountError:
        why = f"shmem: {options['shmem']!r} is not a size like 64m"
        raise invalid_params(why, {"resource_opts": why}) from None
    if shared >= memory:
        why = "shmem must be less than mem"
        raise invalid_params(why, {"resource_opts": why})
    return options
