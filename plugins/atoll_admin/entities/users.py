"""Users: people with an email address, a role and a domain."""

from typing import TYPE_CHECKING, Any

import click

from atoll import Secret
from atoll_admin.change_commands import change_command
from atoll_admin.entities.groups import group_id
from atoll_admin.entity import Change, Entity, ListQuery, SingleQuery
from atoll_admin.fields import SINCE_24_03, flag, names, number, text, texts, timestamp
from atoll_admin.list_commands import list_command, show_command
from atoll_admin.params import argument, boolean, option, switch

if TYPE_CHECKING:
    from atoll import Api

_ROLE = click.Choice(["user", "admin", "superadmin", "monitor"], case_sensitive=False)
_STATUS = click.Choice(["active", "inactive", "deleted", "before-verification"], False)
_FILTERABLE = (
    "uuid",
    "username",
    "email",
    "need_password_change",
    "full_name",
    "description",
    "is_active",
    "status",
    "status_info",
    "created_at",
    "modified_at",
    "domain_name",
    "role",
    "resource_policy",
    "allowed_client_ip",
    "totp_activated",
    "totp_activated_at",
    "sudo_session_enabled",
    "main_access_key",
)
USER = Entity(
    name="user",
    key="email",
    visible_to="administrators",
    fields=[
        text("uuid", "UUID", keep=True),
        text("email", keep=True),
        text("username"),
        text("full_name", "Full name"),
        text("description"),
        text("role"),
        text("domain_name", "Domain"),
        names("groups"),
        text("status"),
        text("status_info"),
        flag("is_active", "Active"),
        flag("need_password_change", "Must change password"),
        text("resource_policy"),
        text("main_access_key"),
        texts("allowed_client_ip", "Allowed addresses"),
        flag("totp_activated", "One-time passwords"),
        flag("sudo_session_enabled", "Sudo in sessions"),
        number("container_uid", "Container UID", since=SINCE_24_03),
        number("container_main_gid", "Container GID", since=SINCE_24_03),
        texts("container_gids", "Container GIDs", since=SINCE_24_03),
        timestamp("created_at", "Created"),
        timestamp("modified_at", "Modified"),
    ],
    default_columns="uuid,email,username,role,domain_name,groups,status,need_password_change,created_at",
    official_columns="uuid,role,username,email,full_name,need_password_change,status,status_info,"
    "created_at,domain_name,groups,allowed_client_ip,sudo_session_enabled,main_access_key",
    described_by=("full_name", "role"),
    listing=ListQuery(
        root="user_list",
        arguments={"status": "String", "group_id": "UUID"},
        resolve={"group_id": group_id},
        paged=True,
        filterable=_FILTERABLE,
        orderable=tuple(name for name in _FILTERABLE if name != "description"),
    ),
    single=SingleQuery(root="user", argument="email"),
)


async def _group_ids(api: "Api", names: str) -> list[str]:
    return [await group_id(api, name.strip()) for name in names.split(",")]


def _split(_context: Any, _param: Any, value: str | None) -> list[str] | None:
    return [part.strip() for part in value.split(",")] if value else None


def _numbers(_context: Any, _param: Any, value: str | None) -> list[int] | None:
    try:
        return [int(part) for part in value.split(",")] if value else None
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a list of numbers") from None


def _username_is_email(values: dict[str, Any]) -> dict[str, Any]:
    return {**values, "username": values["username"] or values["email"]}


_ABOUT = [
    option("-n", "--full-name", help="The person's name."),
    option("-s", "--status", type=_STATUS, help="Only active ones may log in."),
    option("--description", "--desc", "description", help="A remark."),
    option(
        "--allowed-ip",
        "allowed_client_ip",
        callback=_split,
        help="Allow logins only from these addresses.",
    ),
    option("--container-uid", "--cuid", "container_uid", type=int, help="User ID in containers."),
    option(
        "--container-main-gid",
        "--cgid",
        "container_main_gid",
        type=int,
        help="Group ID in containers.",
    ),
    option(
        "--container-gids",
        "--cgids",
        "container_gids",
        callback=_numbers,
        help="More group IDs in containers.",
    ),
]
_SINCE = {
    "container_uid": SINCE_24_03,
    "container_main_gid": SINCE_24_03,
    "container_gids": SINCE_24_03,
}

rows = list_command(
    USER,
    option("-s", "--status", type=_STATUS, help="Only users of this status."),
    option("-g", "--group", "group_id", completes="group", help="Only users of this group."),
    below="add, update, delete, purge",
)
show = show_command(
    USER, "-e", "--email", help="Show everything about a user, by default about yourself."
)
add = change_command(
    USER,
    Change(
        mutation="create_user",
        params=[
            argument("domain_name", "domain"),
            argument("email"),
            argument("password", required=False, type=Secret()),
            option("-u", "--username", help="A short name; the email address by default."),
            option(
                "-r",
                "--role",
                type=_ROLE,
                default="user",
                show_default=True,
                help="The role of the user.",
            ),
            option(
                "--need-password-change",
                is_flag=True,
                help="Ask for a new password at the first login.",
            ),
            option("--sudo-session-enabled", is_flag=True, help="Allow sudo in sessions."),
            option("-g", "--group", "--groups", "group_ids", help="Groups, separated by commas."),
            *_ABOUT,
        ],
        arguments={"email": "String!"},
        props="UserInput!",
        prepare=_username_is_email,
        since=_SINCE,
        resolve={"group_ids": _group_ids},
        secrets=["password"],
        action="add",
        returned="user",
        shown="uuid,email,username,role,domain_name,status",
        existing=False,
        done="user {email} is added",
    ),
    "Add a user. Without a password, it is asked for, or read from standard input.",
)
update = change_command(
    USER,
    Change(
        mutation="modify_user",
        params=[
            argument("email", "user"),
            option("-p", "--password", type=Secret(), help="Set another password."),
            option("-u", "--username", help="Set the short name."),
            option("-d", "--domain-name", completes="domain", help="Move the user to a domain."),
            option("-r", "--role", type=_ROLE, help="Set the role."),
            option(
                "--need-password-change/--no-need-password-change",
                default=None,
                help="Ask for a new password at the next login.",
            ),
            boolean("--sudo-session-enabled", help="Whether sudo works in sessions."),
            option("--main-access-key", completes="keypair", help="The user's main keypair."),
            *_ABOUT,
        ],
        arguments={"email": "String!"},
        props="ModifyUserInput!",
        since=_SINCE,
        # 23.09 makes a user inactive if the change does not contain the user's status.
        sent_again=("status",),
        done="user {email} is changed",
    ),
    "Change a user. Options that are left out keep their values.",
)
delete = change_command(
    USER,
    Change(
        mutation="delete_user",
        params=[argument("email", "user")],
        arguments={"email": "String!"},
        action="deletion",
        question="Delete user {email}? The account is closed; its data is kept.",
        done="user {email} is deleted; its data is kept",
    ),
    "Close a user's account. Its data is kept until it is purged.",
)
purge = change_command(
    USER,
    Change(
        mutation="purge_user",
        params=[
            argument("email", "user"),
            switch("--purge-shared-vfolders", help="Delete folders that others use too."),
            switch("--delegate-endpoint-ownership", help="Take over the user's services."),
        ],
        arguments={"email": "String!"},
        props="PurgeUserInput!",
        since={"delegate_endpoint_ownership": SINCE_24_03},
        action="purge",
        official_asks=True,
        question="Delete user {email}, with all keypairs, folders and sessions, permanently?",
        done="user {email} is purged",
    ),
    "Delete a user permanently, with everything that the user owns.",
)
