"""Refuse a new session that exceeds a limit of its keypair's policy, its group or its domain."""

from atoll_cluster.api.request.call import Call
from atoll_cluster.api.request.problems import quota_exceeded
from atoll_cluster.scheduler.budgets import Budget, Ledger, needed, read_limits
from atoll_cluster.slots import Slots
from atoll_cluster.store.records import KeyPairResourcePolicy, Session


def check_limits(call: Call, session: Session) -> None:
    """Raise Problem 412 if a limit does not allow the session, at all or at present."""
    cluster = call.cluster
    policy = cluster.store.accounts.policy(call.owner.keypair.resource_policy)
    if policy:
        _check_counts(call, session, policy)
        _check_pending(call, session, policy)
    ledger = Ledger(cluster.store, cluster.machine.slot_types)
    if why := ledger.lacking(session, alone=True):
        raise quota_exceeded(why)


def _check_counts(call: Call, session: Session, policy: KeyPairResourcePolicy) -> None:
    sessions, limit = call.cluster.store.sessions, policy.max_concurrent_sessions
    if sessions.count_active(session.access_key) >= limit:
        raise quota_exceeded(f"{_name(policy)} allows {limit} sessions at a time")
    limit = policy.max_containers_per_session
    if session.cluster_size > limit:
        raise quota_exceeded(f"{_name(policy)} allows {limit} containers in a session")


def _check_pending(call: Call, session: Session, policy: KeyPairResourcePolicy) -> None:
    limit, slots = policy.max_pending_session_count, policy.max_pending_session_resource_slots
    pending = call.cluster.store.sessions.in_status("PENDING")
    waiting = [one for one in pending if one.access_key == session.access_key]
    if limit is not None and len(waiting) >= limit:
        raise quota_exceeded(f"{_name(policy)} allows {limit} pending sessions")
    budget = Budget(f"for pending sessions, {_name(policy)}", read_limits(slots or {}))
    if why := budget.lacking(needed(session), sum(map(needed, waiting), Slots())):
        raise quota_exceeded(why)


def _name(policy: KeyPairResourcePolicy) -> str:
    return f"keypair resource policy {policy.name!r}"
