"""Scaling groups that the engine itself has, such as the partitions of Slurm."""

import logging

import anyio

from atoll_cluster import clock
from atoll_cluster.engine.contract import EngineError
from atoll_cluster.engine.launcher import GroupedLauncher
from atoll_cluster.store.access import grant
from atoll_cluster.store.administration import ScalingGroup
from atoll_cluster.store.store import Store

_log = logging.getLogger(__name__)

BETWEEN = 600.0
"""Seconds between two looks."""
_DOMAIN = "default"


async def sync_scaling_groups(store: Store, launcher: GroupedLauncher) -> None:
    """Make a scaling group of each group that the place has, and open it to everybody; repeat.

    Those that an administrator has changed or closed stay as they are.
    """
    while True:
        try:
            names = await launcher.groups()
        except EngineError as error:
            _log.warning("the engine does not return its scaling groups: %s", error)
        else:
            for name in names:
                _add(store, name)
        await anyio.sleep(BETWEEN)


def _add(store: Store, name: str) -> None:
    groups = store.tables.scaling_groups
    if groups.get(name) is None:
        with store.db.transaction():
            groups.add(ScalingGroup(name=name, created_at=clock.now()))
            grant(store.db, name, "domain", _DOMAIN)
