"""Copy groups of the engine into the store.

Scaling groups are made from the engine's groups, such as the partitions of Slurm. Groups of users
are made from its accounts.
"""

import logging
import uuid

import anyio

from atoll_cluster import clock
from atoll_cluster.engine.contract import EngineError
from atoll_cluster.engine.launcher import AccountLauncher, GroupedLauncher, Launcher
from atoll_cluster.store.access import grant
from atoll_cluster.store.administration import ScalingGroup
from atoll_cluster.store.records import Group
from atoll_cluster.store.store import Store

_log = logging.getLogger(__name__)

CHECK_INTERVAL = 600.0
"""Seconds between two queries to the engine."""
_DOMAIN = "default"


async def sync_groups(store: Store, launcher: Launcher) -> None:
    """Create a scaling group for each group of the engine, and a group for each of its accounts.

    The new groups are open to all users. This repeats until cancelled. It does not change groups
    that exist already, so what an administrator has changed or closed stays.
    """
    while True:
        try:
            if isinstance(launcher, GroupedLauncher):
                for name in await launcher.groups():
                    _add(store, name)
            if isinstance(launcher, AccountLauncher):
                for name in await launcher.accounts():
                    _add_account(store, name)
        except EngineError as error:
            _log.warning("the engine does not return its groups: %s", error)
        await anyio.sleep(CHECK_INTERVAL)


def _add(store: Store, name: str) -> None:
    groups = store.tables.scaling_groups
    if groups.get(name) is None:
        with store.db.transaction():
            groups.add(ScalingGroup(name=name, created_at=clock.now()))
            grant(store.db, name, "domain", _DOMAIN)


def _add_account(store: Store, name: str) -> None:
    groups = store.tables.groups
    if groups.find(name=name, domain_name=_DOMAIN) is None:
        at = clock.now()
        group = Group(
            id=str(uuid.uuid4()), name=name, domain_name=_DOMAIN, created_at=at, modified_at=at
        )
        with store.db.transaction():
            groups.add(group)
            for user in store.tables.users.select("domain_name = ?", (_DOMAIN,)):
                store.accounts.add_member(group.id, user.uuid)
