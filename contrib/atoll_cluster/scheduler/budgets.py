"""Limits on the slots that a keypair, a group or a domain uses at the same time.

A session that exceeds a limit by itself is refused. A session that exceeds it only together with
running sessions waits, and does not delay others.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Literal

from attrs import field, frozen

from atoll_cluster.slots import Slots, from_text, plain, recorded, show_size
from atoll_cluster.store.records import Session
from atoll_cluster.store.store import Store

Whose = tuple[Literal["keypair", "group", "domain"], str]
"""The account that a budget belongs to: its kind and its key."""


@frozen
class Budget:
    """The limits of an account; slots without a limit are not restricted."""

    holder: str = ""
    limits: Mapping[str, Decimal] = field(factory=dict)

    def lacking(self, need: Slots, held: Slots) -> str | None:
        """Return the limit that `need` and the present use together exceed, or None."""
        asked, taken = need.amounts(), held.amounts()
        for slot, limit in self.limits.items():
            amount, used = asked.get(slot, Decimal(0)), taken.get(slot, Decimal(0))
            if amount and used + amount > limit:
                in_use = f", of which {_show(slot, used)} in use" if used else ""
                allowed = f"{self.holder} allows {slot} {_show(slot, limit)}{in_use}"
                return f"{allowed}; {_show(slot, amount)} requested"
        return None


@frozen
class Ledger:
    """A snapshot of the allocations and budgets, for one pass over the queue."""

    store: Store
    slot_types: Iterable[str]
    _held: dict[Whose, Slots] = field(factory=dict)
    _budgets: dict[Whose, Budget] = field(factory=dict)

    @classmethod
    def of(cls, store: Store, slot_types: Iterable[str]) -> "Ledger":
        """Read the present allocations; `slot_types` are the names of the known slots."""
        ledger = cls(store, slot_types)
        for one in store.kernels.allocations():
            slots = recorded(one.slots)
            ledger.enter(slots, accounts(one.access_key, one.group_id, one.domain_name))
        return ledger

    def enter(self, slots: Slots, holders: Iterable[Whose]) -> None:
        """Add an allocation."""
        for whose in holders:
            self._held[whose] = self.held(whose) + slots

    def lacking(self, session: Session, *, alone: bool = False) -> str | None:
        """Return the limit that a session exceeds, or None.

        The present use of other sessions counts too, unless `alone` is given.
        """
        need = needed(session)
        for whose in accounts_of(session):
            held = Slots() if alone else self.held(whose)
            if why := self.budget(whose).lacking(need, held):
                return why
        return None

    def held(self, whose: Whose) -> Slots:
        """Return the slots that an account occupies."""
        return self._held.get(whose, Slots())

    def budget(self, whose: Whose) -> Budget:
        """Return the budget of an account; cached."""
        if whose not in self._budgets:
            kind, key = whose
            self._budgets[whose] = self._of_keypair(key) if kind == "keypair" else self._of(*whose)
        return self._budgets[whose]

    def _of_keypair(self, access_key: str) -> Budget:
        keypair = self.store.accounts.keypair(access_key)
        policy = self.store.accounts.policy(keypair.resource_policy) if keypair else None
        if policy is None:
            return Budget()
        is_limited = policy.default_for_unspecified == "LIMITED"
        nothing = dict.fromkeys(self.slot_types if is_limited else (), Decimal(0))
        limits = {**nothing, **read_limits(policy.total_resource_slots)}
        return Budget(f"keypair resource policy {policy.name!r}", limits)

    def _of(self, kind: str, key: str) -> Budget:
        find = self.store.accounts.group if kind == "group" else self.store.accounts.domain
        found = find(key)
        if found is None:
            return Budget()
        return Budget(f"{kind} {found.name!r}", read_limits(found.total_resource_slots))


def accounts(access_key: str, group_id: str, domain: str) -> tuple[Whose, ...]:
    """Return the accounts whose budgets an allocation counts in."""
    return ("keypair", access_key), ("group", group_id), ("domain", domain)


def accounts_of(session: Session) -> tuple[Whose, ...]:
    """Return the accounts whose budgets a session counts in."""
    return accounts(session.access_key, session.group_id, session.domain_name)


def needed(session: Session) -> Slots:
    """Return the slots of all kernels of a session."""
    return from_text(dict(session.requested_slots)).times(session.cluster_size)


def read_limits(limits: Mapping[str, str]) -> dict[str, Decimal]:
    """Convert limits to amounts; the result contains only the slots that `limits` names."""
    amounts = from_text(dict(limits)).amounts()
    return {slot: amounts[slot] for slot in limits}


def _show(slot: str, amount: Decimal) -> str:
    return show_size(int(amount)) if slot == "mem" else plain(amount)
