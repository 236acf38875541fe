"""Options of a new session besides slots: agents, and options of its resources."""

from typing import Any

from atoll_cluster.api.request.params import Params
from atoll_cluster.api.request.problems import invalid_params
from atoll_cluster.scheduler.machine import AGENT
from atoll_cluster.scheduler.slots import AmountError, parse_size


def check_agents(config: Params) -> None:
    """Check that `agent_list` names only this machine; raises Problem 400."""
    agents = config.sequence("agent_list", "agentList")
    if unknown := [agent for agent in agents if agent != AGENT]:
        why = f"there is no agent {unknown[0]!r}; the only one is {AGENT}"
        raise invalid_params(why, {"agent_list": why})


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
