"""Groups: the projects that users belong to, within a domain."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from atoll import NotFound
from atoll.reading import maybe
from atoll_admin.change_commands import change_command
from atoll_admin.entity import Change, Entity, ListQuery, SingleQuery
from atoll_admin.fields import SINCE_24_03, document, flag, hosts, slots, text, texts, timestamp
from atoll_admin.list_commands import list_command, show_command
from atoll_admin.params import (
    argument,
    boolean,
    hosts_option,
    inactive,
    option,
    slots_option,
)
from atoll_admin.requests import run_query
from atoll_admin.values import host_permissions, is_uuid

if TYPE_CHECKING:
    from atoll import Api

GROUP = Entity(
    name="group",
    key="id",
    visible_to="domain administrators; others see their own",
    fields=[
        text("id", "ID", keep=True),
        text("name", keep=True),
        text("description"),
        flag("is_active", "Active"),
        text("domain_name", "Domain"),
        timestamp("created_at", "Created"),
        timestamp("modified_at", "Modified"),
        slots("total_resource_slots", "Slots"),
        hosts("allowed_vfolder_hosts", "Folder hosts"),
        texts("scaling_groups", "Scaling groups"),
        text("resource_policy"),
        text("integration_id", "Integration ID"),
        text("type", since=SINCE_24_03),
        document("container_registry", since=SINCE_24_03),
    ],
    default_columns="id,name,domain_name,is_active,created_at",
    official_columns="id,name,is_active,created_at,integration_id,domain_name",
    described_by=("domain_name", "description"),
    listing=ListQuery(root="groups", arguments={"domain_name": "String"}),
    single=SingleQuery(root="group", argument="id", type="UUID!"),
)
_BY_NAME = ListQuery(root="groups_by_name", arguments={"name": "String!"})


async def group_id(api: "Api", reference: str) -> str:
    """Return the id of a group by its id or name; raises NotFound, listing several."""
    if is_uuid(reference):
        return reference
    like = [{"id": str, "domain_name": maybe(str)}]
    arguments = {"name": ("String!", reference)}
    found = list(await run_query(api, "groups_by_name", arguments, "id domain_name", like) or ())
    if len(found) == 1:
        return str(found[0]["id"])
    if not found:
        raise NotFound(
            f"no group has the name or id {reference!r}", hint="atoll admin groups lists them"
        )
    several = ", ".join(f"{one['id']} (domain {one['domain_name']})" for one in found)
    raise NotFound(f"{reference!r} matches several groups", hint=several)


async def _user_uuids(api: "Api", references: Sequence[str]) -> list[str]:
    return [await _user_uuid(api, reference) for reference in references]


async def _user_uuid(api: "Api", reference: str) -> str:
    if is_uuid(reference):
        return reference
    user = await run_query(api, "user", {"email": ("String", reference)}, "uuid", {"uuid": str})
    if not user:
        raise NotFound(
            f"no user has the email address or name {reference!r}",
            hint="atoll admin users lists them",
        )
    return str(user["uuid"])


def _members(mode: str, done: str) -> Change:
    return Change(
        mutation="modify_group",
        params=[
            argument("gid", "group"),
            argument("user_uuids", "user", nargs=-1, required=True, metavar="USERS..."),
        ],
        arguments={"gid": "UUID!"},
        props="ModifyGroupInput!",
        fixed={"user_update_mode": mode},
        action="add_users" if mode == "add" else "users_remove",
        resolve={"gid": group_id, "user_uuids": _user_uuids},
        done=done,
    )


def _removal(verb: str, mutation: str, question: str, action: str) -> Change:
    return Change(
        mutation=mutation,
        params=[argument("gid", "group")],
        arguments={"gid": "UUID!"},
        resolve={"gid": group_id},
        question=question,
        official_asks=action == "purge",
        action=action,
        done=f"group {{gid}} is {verb}",
    )


rows = list_command(
    GROUP,
    option("-d", "--domain-name", completes="domain", help="Only groups of this domain."),
    help="List the groups that you administer, or belong to.",
    below="add, update, delete, purge, add-users, remove-users",
)
by_name = list_command(
    GROUP, argument("name", "group"), listing=_BY_NAME, help="List the groups of a name."
)
show = show_command(GROUP, required=True, resolve=group_id, help="Show a group, by id or name.")
add = change_command(
    GROUP,
    Change(
        mutation="create_group",
        params=[
            argument("domain_name", "domain"),
            argument("name"),
            option("-d", "--description", help="A description."),
            inactive(),
            slots_option(),
            hosts_option(),
        ],
        arguments={"name": "String!"},
        props="GroupInput!",
        resolve={"allowed_vfolder_hosts": host_permissions},
        action="add",
        returned="group",
        shown="id,name,domain_name",
        existing=False,
        done="group {name} is added",
    ),
    "Add a group to a domain. Shows its id.",
)
update = change_command(
    GROUP,
    Change(
        mutation="modify_group",
        params=[
            argument("gid", "group"),
            option("-n", "--name", help="Rename it."),
            option("-d", "--description", help="A description."),
            boolean("--is-active", help="Whether it may be used."),
            slots_option(),
            hosts_option(),
        ],
        arguments={"gid": "UUID!"},
        props="ModifyGroupInput!",
        resolve={"gid": group_id, "allowed_vfolder_hosts": host_permissions},
        done="group {gid} is changed",
    ),
    "Change a group, named by id or name. Options that are left out keep their values.",
)
delete = change_command(
    GROUP,
    _removal("inactive", "delete_group", "Make group {gid} inactive?", "deletion"),
    "Make a group inactive; it can be made active again.",
)
purge = change_command(
    GROUP,
    _removal("gone", "purge_group", "Delete group {gid} and its folders permanently?", "purge"),
    "Delete a group permanently, with everything that belongs to it.",
)
add_users = change_command(
    GROUP, _members("add", "the users are in group {gid}"), "Add users, by email or UUID."
)
remove_users = change_command(
    GROUP,
    _members("remove", "the users are no longer in group {gid}"),
    "Remove users from a group, by email or UUID.",
)
