"""Keypair resource policies: limits for the sessions of a keypair."""

from collections.abc import Sequence
from typing import Any

import click

from atoll_admin.change_commands import change_command
from atoll_admin.entity import Change, Entity, ListQuery, SingleQuery
from atoll_admin.fields import (
    SINCE_24_03,
    hosts,
    number,
    size,
    slots,
    slots_as_text,
    text,
    timestamp,
)
from atoll_admin.list_commands import list_command, show_command
from atoll_admin.params import argument, hosts_option, option, slots_option
from atoll_admin.values import SLOTS, host_permissions

POLICY = Entity(
    name="keypair resource policy",
    plural="keypair resource policies",
    key="name",
    visible_to="superadmins; others see their own",
    fields=[
        text("name", keep=True),
        timestamp("created_at", "Created"),
        text("default_for_unspecified", "Unspecified slots"),
        slots_as_text("total_resource_slots", "Slots"),
        number("max_concurrent_sessions", "Sessions"),
        number("max_containers_per_session", "Containers per session"),
        number("max_concurrent_sftp_sessions", "SFTP sessions", since=SINCE_24_03),
        number("max_pending_session_count", "Pending sessions", since=SINCE_24_03),
        slots("max_pending_session_resource_slots", "Pending slots", since=SINCE_24_03),
        number("idle_timeout", "Idle timeout (s)"),
        number("max_session_lifetime", "Lifetime (s)"),
        number("max_vfolder_count", "Folders"),
        size("max_vfolder_size", "Folder size"),
        hosts("allowed_vfolder_hosts", "Folder hosts"),
    ],
    default_columns="name,created_at,total_resource_slots,max_concurrent_sessions,"
    "max_containers_per_session,idle_timeout,max_vfolder_count,max_vfolder_size,"
    "allowed_vfolder_hosts",
    official_name="resource_policy",
    listing=ListQuery(root="keypair_resource_policies"),
    single=SingleQuery(root="keypair_resource_policy", argument="name"),
)
_UNSPECIFIED = click.Choice(["UNLIMITED", "LIMITED"], case_sensitive=False)
_SINCE = {
    "max_pending_session_count": SINCE_24_03,
    "max_pending_session_resource_slots": SINCE_24_03,
}


def _limits(**defaults: Any) -> Sequence[click.Option]:
    def limit(flag: str, help: str) -> click.Option:
        default = defaults.get(flag.removeprefix("--").replace("-", "_"))
        return option(flag, type=int, default=default, show_default=True, help=help)

    return [
        option(
            "--default-for-unspecified",
            type=_UNSPECIFIED,
            default=defaults.get("default_for_unspecified"),
            show_default=True,
            help="The limit for slots that are not named.",
        ),
        slots_option(),
        hosts_option(),
        limit("--max-concurrent-sessions", "Sessions at a time."),
        limit("--max-concurrent-sftp-sessions", "Sessions for SFTP at a time."),
        limit("--max-containers-per-session", "Size of a session's cluster."),
        limit("--max-session-lifetime", "Seconds until a session is ended; 0 is never."),
        limit("--idle-timeout", "Seconds until an idle session is ended; 0 is never."),
        limit("--max-vfolder-count", "Folders of a user."),
        limit("--max-vfolder-size", "Bytes of a folder; 0 is no limit."),
        limit("--max-pending-session-count", "Sessions that wait at a time."),
        option(
            "--max-pending-session-resource-slots",
            type=SLOTS,
            metavar="SLOTS",
            help="Slots that waiting sessions may ask for.",
        ),
    ]


def _complete(values: dict[str, Any]) -> dict[str, Any]:
    # 23.09 fails if any of these is missing.
    return {
        **values,
        "total_resource_slots": values["total_resource_slots"] or "{}",
        "allowed_vfolder_hosts": values["allowed_vfolder_hosts"] or ["{}"],
    }


rows = list_command(POLICY, below="add, update, delete")
show = show_command(
    POLICY, "-n", "--name", help="Show a keypair resource policy, by default your own."
)
add = change_command(
    POLICY,
    Change(
        mutation="create_keypair_resource_policy",
        params=[
            argument("name"),
            *_limits(
                default_for_unspecified="UNLIMITED",
                max_concurrent_sessions=30,
                max_containers_per_session=1,
                idle_timeout=1800,
                max_vfolder_count=10,
                max_vfolder_size=0,
            ),
        ],
        arguments={"name": "String!"},
        props="CreateKeyPairResourcePolicyInput!",
        prepare=_complete,
        since=_SINCE,
        resolve={"allowed_vfolder_hosts": host_permissions},
        action="add",
        returned="resource_policy",
        shown="name,total_resource_slots,max_concurrent_sessions,idle_timeout",
        existing=False,
        done="keypair resource policy {name} is added",
    ),
    "Add a keypair resource policy.",
)
update = change_command(
    POLICY,
    Change(
        mutation="modify_keypair_resource_policy",
        params=[argument("name", "keypair-resource-policy"), *_limits()],
        arguments={"name": "String!"},
        props="ModifyKeyPairResourcePolicyInput!",
        since=_SINCE,
        resolve={"allowed_vfolder_hosts": host_permissions},
        done="keypair resource policy {name} is changed",
    ),
    "Change a keypair resource policy. Options that are left out keep their values.",
)
delete = change_command(
    POLICY,
    Change(
        mutation="delete_keypair_resource_policy",
        params=[argument("name", "keypair-resource-policy")],
        arguments={"name": "String!"},
        action="deletion",
        official_asks=True,
        question="Delete keypair resource policy {name} permanently?",
        done="keypair resource policy {name} is deleted",
    ),
    "Delete a keypair resource policy that no keypair uses.",
)
