"""Domains: the tenants of a cluster."""

from atoll_admin.change_commands import change_command
from atoll_admin.entity import Change, Entity, FollowUp, ListQuery, SingleQuery
from atoll_admin.fields import flag, hosts, slots, text, texts, timestamp
from atoll_admin.list_commands import list_command, show_command
from atoll_admin.params import (
    argument,
    boolean,
    hosts_option,
    inactive,
    option,
    slots_option,
)
from atoll_admin.values import host_permissions

DOMAIN = Entity(
    name="domain",
    key="name",
    fields=[
        text("name", keep=True),
        text("description"),
        flag("is_active", "Active"),
        timestamp("created_at", "Created"),
        timestamp("modified_at", "Modified"),
        slots("total_resource_slots", "Slots"),
        hosts("allowed_vfolder_hosts", "Folder hosts"),
        texts("allowed_docker_registries", "Registries"),
        texts("scaling_groups", "Scaling groups"),
        text("integration_id", "Integration ID"),
    ],
    default_columns="name,description,is_active,created_at,total_resource_slots,allowed_vfolder_hosts,"
    "allowed_docker_registries,integration_id",
    described_by=("description",),
    listing=ListQuery(root="domains"),
    single=SingleQuery(root="domain", argument="name"),
)
_REGISTRIES = option(
    "--allowed-docker-registries", multiple=True, help="A registry to take images from; repeatable."
)

_GROUP_FOLLOW_UP = FollowUp(
    names=["total_resource_slots", "allowed_vfolder_hosts"],
    mutation="modify_domain",
    props="ModifyDomainInput!",
    since=9,
)


def _removal(verb: str, mutation: str, question: str, action: str) -> Change:
    return Change(
        mutation=mutation,
        params=[argument("name", "domain")],
        arguments={"name": "String!"},
        question=question,
        official_asks=action == "purge",
        action=action,
        done=f"domain {{name}} is {verb}",
    )


rows = list_command(DOMAIN, below="add, update, delete, purge")
show = show_command(
    DOMAIN,
    "-n",
    "--name",
    default=lambda api: api.profile.domain,
    help="Show everything about a domain, by default the profile's.",
)
add = change_command(
    DOMAIN,
    Change(
        mutation="create_domain",
        params=[
            argument("name"),
            option("-d", "--description", help="A description."),
            inactive(),
            slots_option(),
            hosts_option(),
            _REGISTRIES,
        ],
        arguments={"name": "String!"},
        props="DomainInput!",
        resolve={"allowed_vfolder_hosts": host_permissions},
        follow_up=_GROUP_FOLLOW_UP,
        action="add",
        returned="domain",
        shown="name,is_active",
        existing=False,
        done="domain {name} is added",
    ),
    "Add a domain.",
)
update = change_command(
    DOMAIN,
    Change(
        mutation="modify_domain",
        params=[
            argument("name", "domain"),
            option("--new-name", help="Rename it."),
            option("-d", "--description", help="A description."),
            boolean("--is-active", help="Whether it may be used."),
            slots_option(),
            hosts_option(),
            _REGISTRIES,
        ],
        arguments={"name": "String!"},
        props="ModifyDomainInput!",
        renamed={"new_name": "name"},
        resolve={"allowed_vfolder_hosts": host_permissions},
        done="domain {name} is changed",
    ),
    "Change a domain. Options that are left out keep their values.",
)
delete = change_command(
    DOMAIN,
    _removal("inactive", "delete_domain", "Deactivate domain {name}?", "deletion"),
    "Make a domain inactive; it can be made active again.",
)
purge = change_command(
    DOMAIN,
    _removal("gone", "purge_domain", "Delete domain {name} permanently?", "purge"),
    "Delete a domain permanently. Purge its users and groups first.",
)
