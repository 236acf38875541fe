"""Users in GraphQL: their domain, groups and permissions."""

import re
import uuid
from collections.abc import Mapping
from functools import partial
from ipaddress import ip_network
from typing import Any

from atoll_cluster import clock
from atoll_cluster.api.gql.columns import USERS
from atoll_cluster.api.gql.context import Context, Fields, Info
from atoll_cluster.api.gql.entities import EntityType, Resolvers, equal, listing, own_fields, paging
from atoll_cluster.api.gql.filters import Clause
from atoll_cluster.api.gql.inputs import Props, Refused, named, one_of, read_props
from atoll_cluster.api.gql.mutations import Mutation
from atoll_cluster.api.request.problems import forbidden
from atoll_cluster.cleanup import delete_image
from atoll_cluster.credentials import new_keypair
from atoll_cluster.passwords import hash_password
from atoll_cluster.store.erasure import erase
from atoll_cluster.store.owned_rows import delete_owned
from atoll_cluster.store.records import User

_ROLES = ("superadmin", "admin", "user", "monitor")
_STATUSES = ("active", "inactive", "deleted", "before-verification")
_ADMINS = frozenset({"superadmin", "admin"})
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,63}")
_SUPERADMINS_LEFT = """
role = 'superadmin' AND status = 'active' AND EXISTS (
    SELECT 1 FROM keypairs WHERE keypairs.user = users.uuid AND keypairs.is_active)
"""


def user_fields(ctx: Context, user: User) -> Fields:
    """Return `User`."""
    return own_fields(user) | {
        "id": user.uuid,
        "groups": lambda _: [
            {"id": one.id, "name": one.name} for one in ctx.store.accounts.groups(user.uuid)
        ],
    }


USER = EntityType(
    label="user",
    payload="user",
    table=lambda ctx: ctx.store.tables.users,
    fields=user_fields,
    columns=USERS,
    order="users.created_at, users.email",
)


def _scope(ctx: Context, args: Mapping[str, Any]) -> list[Clause]:
    """Return the conditions: superadmins see all users, domain admins those of the domain."""
    if not (ctx.caller.is_superadmin or ctx.caller.is_domain_admin):
        raise forbidden("only admins can list users")
    asked = {**args, "domain_name": ctx.domain_for(args.get("domain_name"))}
    scope = equal(
        asked,
        # With the plus signs, SQLite uses the index with the order of the list.
        domain_name="+users.domain_name",
        status="+users.status",
        is_active="users.is_active",
    )
    if group_id := args.get("group_id"):
        member = "users.uuid IN (SELECT user_uuid FROM group_members WHERE group_id = ?)"
        scope.append(Clause(member, (str(group_id),)))
    return scope


def user(_: Any, info: Info, email: str | None = None, **__: Any) -> Fields | None:
    """Resolve `user`; without an argument, the caller."""
    ctx = info.context
    found = ctx.store.accounts.user_by_email(email) if email else ctx.caller.user
    return _visible(ctx, found)


def user_from_uuid(_: Any, info: Info, user_id: str | None = None, **__: Any) -> Fields | None:
    """Resolve `user_from_uuid`; without an argument, the caller."""
    ctx = info.context
    return _visible(ctx, ctx.user(str(user_id)) if user_id else ctx.caller.user)


def _visible(ctx: Context, found: User | None) -> Fields | None:
    caller = ctx.caller
    is_own = found is not None and found.uuid == caller.user.uuid
    if not is_own and not caller.is_superadmin:
        is_near = found is not None and found.domain_name == caller.user.domain_name
        if not (caller.is_domain_admin and is_near):
            raise forbidden("only admins can see other users")
    return user_fields(ctx, found) if found else None


def _create(ctx: Context, email: str, props: Props) -> Fields:
    if not _EMAIL.fullmatch(email):
        raise Refused(f"{email!r} is not a mail address")
    if ctx.store.accounts.user_by_email(email):
        raise Refused(f"user {email!r} exists already")
    changes = _read(ctx, props, domain=props["domain_name"])
    at = clock.now()
    made = User(
        **{"username": email, **changes},
        status_info="admin-requested",
        uuid=str(uuid.uuid4()),
        email=email,
        created_at=at,
        modified_at=at,
    )
    ctx.store.tables.users.add(made)
    _give_keypair(ctx, made)
    _set_groups(ctx, made, props.get("group_ids"))
    return {"user": user_fields(ctx, USER.get(ctx, made.uuid))}


def _give_keypair(ctx: Context, made: User) -> None:
    keypair = new_keypair(made, is_admin=made.role in _ADMINS)
    if ctx.store.accounts.policy(keypair.resource_policy) is None:
        raise Refused(f"there is no keypair resource policy {keypair.resource_policy!r}")
    ctx.store.tables.keypairs.add(keypair)
    ctx.store.tables.users.update(made.uuid, {"main_access_key": keypair.access_key})


def _modify(ctx: Context, email: str, props: Props) -> Fields:
    found = _by_email(ctx, email)
    changes = _read(ctx, props, domain=props.get("domain_name") or found.domain_name, user=found)
    if changes.get("status") not in {None, found.status}:
        changes["status_info"] = "admin-requested"
    ctx.store.tables.users.update(found.uuid, {**changes, "modified_at": clock.now()})
    changed = USER.get(ctx, found.uuid)
    if changed.domain_name != found.domain_name:
        _set_groups(ctx, changed, [])
    _set_groups(ctx, changed, props.get("group_ids"))
    if changed.role != found.role:
        for keypair in ctx.store.accounts.keypairs_of(found.uuid):
            is_admin = changed.role in _ADMINS
            ctx.store.tables.keypairs.update(keypair.access_key, {"is_admin": is_admin})
    require_superadmin(ctx)
    return {"user": user_fields(ctx, changed)}


def _read(ctx: Context, props: Props, *, domain: str, user: User | None = None) -> Props:
    """Check an input, and return the columns that it changes."""
    changes, tables = read_props(User, props), ctx.store.tables
    if not changes.get("username"):
        changes.pop("username", None)  # Older clients send an empty text for a missing value.
    if tables.domains.get(domain) is None:
        raise Refused(f"there is no domain {domain!r}")
    if (policy := changes.get("resource_policy")) and not tables.user_policies.get(policy):
        raise Refused(f"there is no user resource policy {policy!r}")
    if "role" in changes:
        one_of("role", changes["role"], _ROLES)
    if "password" in changes:
        changes["password"] = _hash(changes["password"])
    for network in changes.get("allowed_client_ip") or []:
        _check_network(network)
    _align_status(changes)
    _check_own(ctx, changes, user)
    return changes


def _check_own(ctx: Context, changes: Props, user: User | None) -> None:
    """Raise Refused for a user name that is in use, or a keypair of another user."""
    name, key = changes.get("username"), changes.get("main_access_key")
    same_name = ctx.store.tables.users.find(username=name) if name else None
    if name:
        named("user", name)
    if same_name and (user is None or same_name.uuid != user.uuid):
        raise Refused(f"user name {name!r} exists already")
    keypair = ctx.store.accounts.keypair(key) if key else None
    if key and (user is None or keypair is None or keypair.user != user.uuid):
        raise Refused(f"{key} is not a keypair of this user")


def _check_network(text: str) -> None:
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise Refused(f"allowed_client_ip: {text!r} is neither an address nor a network") from None


def _align_status(changes: Props) -> None:
    """Make `status` and `is_active` consistent; `status` has precedence."""
    if "status" in changes:
        changes["is_active"] = one_of("status", changes["status"], _STATUSES) == "active"
    elif "is_active" in changes:
        changes["status"] = "active" if changes["is_active"] else "inactive"


def _hash(password: str) -> str:
    if not password:
        raise Refused("password: must not be empty")
    return hash_password(password)


def _set_groups(ctx: Context, user: User, group_ids: list[str] | None) -> None:
    """Make the user a member of exactly these groups; None changes nothing."""
    if group_ids is None:
        return
    for own in ctx.store.accounts.groups(user.uuid):
        ctx.store.accounts.remove_member(own.id, user.uuid)
    for group_id in group_ids:
        group = ctx.store.accounts.group(group_id)
        if group is None or group.domain_name != user.domain_name:
            raise Refused(f"there is no group {group_id} in domain {user.domain_name!r}")
        ctx.store.accounts.add_member(group_id, user.uuid)


def _delete(ctx: Context, email: str) -> Fields:
    """Deactivate an account, without deleting it or its sessions and folders."""
    found = _by_email(ctx, email)
    deleted = {"status": "deleted", "is_active": False, "status_info": "admin-requested"}
    ctx.store.tables.users.update(found.uuid, {**deleted, "modified_at": clock.now()})
    for keypair in ctx.store.accounts.keypairs_of(found.uuid):
        ctx.store.tables.keypairs.update(keypair.access_key, {"is_active": False})
    require_superadmin(ctx)
    return {}


def _purge(ctx: Context, email: str, **_: Any) -> Fields:
    """Delete an account with its keypairs and the records of its sessions."""
    found = _by_email(ctx, email)
    refuse_if_living(ctx, f"user {email!r}", "user_uuid", found.uuid)
    for keypair in ctx.store.accounts.keypairs_of(found.uuid):
        delete_owned(ctx.store.db, "keypair", keypair.access_key)
    for image in ctx.store.tables.committed.select("owner = ?", (found.uuid,)):
        ctx.store.db.afterwards(partial(delete_image, ctx.cluster, image.id))
    erase(ctx.store.db, "users", "uuid = ?", (found.uuid,))
    ctx.store.sessions.forget()
    ctx.store.tables.users.counts.clear()
    require_superadmin(ctx)
    return {}


def _by_email(ctx: Context, email: str) -> User:
    found = ctx.store.accounts.user_by_email(email)
    if found is None:
        raise Refused(f"no matching user: {email}")
    return found


def require_superadmin(ctx: Context) -> None:
    """Raise Refused if no active superadmin is left."""
    if not ctx.store.tables.users.select(_SUPERADMINS_LEFT, limit=1):
        raise Refused("this is the last superadmin; create another one first")


def refuse_if_living(ctx: Context, whose: str, column: str, value: str) -> None:
    """Raise Refused if a session with this value in this column has not ended."""
    living = [one for one in ctx.store.sessions.unfinished() if getattr(one, column) == value]
    if living:
        names = ", ".join(one.name for one in living[:3])
        raise Refused(f"{whose} has {len(living)} sessions that have not ended, like {names}")


QUERIES: Resolvers = {
    "user": user,
    "user_from_uuid": user_from_uuid,
    "users": listing(USER, _scope),
    "user_list": paging(USER, _scope),
}
MUTATIONS = {
    "create_user": Mutation(_create),
    "modify_user": Mutation(_modify),
    "delete_user": Mutation(_delete),
    "purge_user": Mutation(_purge),
}
