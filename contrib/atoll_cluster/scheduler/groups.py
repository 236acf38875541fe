"""Groups that the engine itself has: scaling groups, such as the partitions of Slurm, and groups of
users, such as its accounts.
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

BETWEEN = 600.0
"""Seconds between two looks."""
_DOMAIN = "default"


async def sync_groups(store: Store, launcher: Launcher) -> None:
    """Make a scaling group of each group that the place has, and a group of each of its accounts,
    open to everybody; repeat.

    Those that an administrator has changed or closed stay as they are.
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
        await anyio.sleep(BETWEEN)


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
