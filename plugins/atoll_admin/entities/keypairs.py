"""Keypairs: they sign the requests of a user, and have a resource policy."""

from atoll_admin.change_commands import change_command
from atoll_admin.entity import Change, Entity, ListQuery, SingleQuery
from atoll_admin.fields import SINCE_24_03, flag, number, text, texts, timestamp
from atoll_admin.list_commands import list_command, show_command
from atoll_admin.params import argument, boolean, inactive, option

_FILTERABLE = (
    "access_key",
    "user_id",
    "email",
    "full_name",
    "is_active",
    "is_admin",
    "resource_policy",
    "created_at",
    "last_used",
    "rate_limit",
    "num_queries",
    "ssh_public_key",
    "projects",
)
KEYPAIR = Entity(
    name="keypair",
    key="access_key",
    visible_to="administrators; others see their own",
    fields=[
        text("access_key", keep=True),
        text("secret_key", keep=True),
        text("user_id", "User"),
        text("full_name", "Full name"),
        flag("is_active", "Active"),
        flag("is_admin", "Admin"),
        text("resource_policy"),
        number("rate_limit"),
        number("num_queries", "Requests"),
        number("rolling_count", "Recent requests", since=SINCE_24_03),
        number("concurrency_used", "Sessions"),
        texts("projects", "Groups"),
        timestamp("created_at", "Created"),
        timestamp("last_used", "Last used"),
        text("ssh_public_key", "SSH public key"),
    ],
    hidden=["secret_key"],
    default_columns="access_key,user_id,is_active,is_admin,resource_policy,created_at,last_used",
    official_columns="user_id,projects,full_name,access_key,secret_key,is_active,is_admin,created_at,"
    "last_used,resource_policy,rate_limit,concurrency_used",
    described_by=("user_id", "resource_policy"),
    listing=ListQuery(
        root="keypair_list",
        arguments={"email": "String", "is_active": "Boolean"},
        paged=True,
        filterable=_FILTERABLE,
        orderable=tuple(name for name in _FILTERABLE if name not in {"user_id", "ssh_public_key"}),
    ),
    single=SingleQuery(root="keypair", argument="access_key"),
)


def _switched(*, on: bool) -> Change:
    return Change(
        mutation="modify_keypair",
        params=[argument("access_key", "keypair")],
        arguments={"access_key": "String!"},
        props="ModifyKeyPairInput!",
        fixed={"is_active": on},
        action="activation" if on else "deactivation",
        done=f"keypair {{access_key}} is {'active' if on else 'inactive'}",
    )


rows = list_command(
    KEYPAIR,
    option(
        "-u",
        "--user-id",
        "email",
        completes="user",
        metavar="EMAIL",
        help="Only keypairs of this user.",
    ),
    boolean("--is-active", help="Only active, or only inactive ones."),
    below="add, update, delete, activate, deactivate",
)
show = show_command(
    KEYPAIR, help="Show everything about a keypair, by default the one that you use."
)
add = change_command(
    KEYPAIR,
    Change(
        mutation="create_keypair",
        params=[
            argument("user_id", "user"),
            argument("resource_policy", "keypair-resource-policy", default="default"),
            option(
                "-a",
                "--admin",
                "is_admin",
                is_flag=True,
                help="Give it the rights of an administrator.",
            ),
            inactive(),
            option(
                "-r",
                "--rate-limit",
                type=int,
                default=5000,
                show_default=True,
                help="How many requests it may send in 15 minutes.",
            ),
        ],
        arguments={"user_id": "String!"},
        props="KeyPairInput!",
        action="add",
        returned="keypair",
        lifted=("access_key", "secret_key"),
        shown="access_key,secret_key,user_id,resource_policy,is_active,is_admin,rate_limit",
        existing=False,
        done="a keypair of {user_id} is added; save the secret key now, it is not shown again",
    ),
    "Add a keypair for a user. Prints both keys to standard output.",
)
update = change_command(
    KEYPAIR,
    Change(
        mutation="modify_keypair",
        params=[
            argument("access_key", "keypair"),
            option(
                "--resource-policy",
                completes="keypair-resource-policy",
                help="The resource policy.",
            ),
            boolean("--is-admin", help="Whether it has the rights of an administrator."),
            boolean("--is-active", help="Whether it is accepted."),
            option("-r", "--rate-limit", type=int, help="Requests in 15 minutes."),
        ],
        arguments={"access_key": "String!"},
        props="ModifyKeyPairInput!",
        done="keypair {access_key} is changed",
    ),
    "Change a keypair. Options that are left out keep their values.",
)
delete = change_command(
    KEYPAIR,
    Change(
        mutation="delete_keypair",
        params=[argument("access_key", "keypair")],
        arguments={"access_key": "String!"},
        action="deletion",
        question="Delete keypair {access_key} permanently?",
        done="keypair {access_key} is deleted",
    ),
    "Delete a keypair permanently.",
)
activate = change_command(KEYPAIR, _switched(on=True), "Accept a keypair again.")
deactivate = change_command(KEYPAIR, _switched(on=False), "Refuse a keypair from now on.")
