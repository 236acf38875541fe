"""Scaling groups: agents that are scheduled together, and who may use them."""

from collections.abc import Sequence
from typing import Any

import click

from atoll import Context, Name
from atoll.output import Column
from atoll_admin.change_commands import change_command
from atoll_admin.entity import Change, Entity, ListQuery, SingleQuery
from atoll_admin.fields import document, flag, text, timestamp
from atoll_admin.list_commands import list_command, show_command
from atoll_admin.params import argument, boolean, inactive, negation, option, switch
from atoll_admin.requests import send
from atoll_admin.values import DOCUMENT

SCALING_GROUP = Entity(
    name="scaling group",
    key="name",
    fields=[
        text("name", keep=True),
        text("description"),
        flag("is_active", "Active"),
        flag("is_public", "Public"),
        timestamp("created_at", "Created"),
        text("driver"),
        document("driver_opts", "Driver options"),
        text("scheduler"),
        document("scheduler_opts", "Scheduler options"),
        flag("use_host_network", "Host network"),
        text("wsproxy_addr", "App proxy"),
        text("wsproxy_api_token", "App proxy's token"),
    ],
    default_columns="name,description,is_active,is_public,created_at,driver,scheduler",
    official_columns="name,description,is_active,is_public,created_at,driver,scheduler,"
    "use_host_network,wsproxy_addr,wsproxy_api_token",
    hidden=["wsproxy_api_token"],
    described_by=("description",),
    listing=ListQuery(root="scaling_groups"),
    single=SingleQuery(root="scaling_group", argument="name"),
)


def _options(driver: str | None = None, scheduler: str | None = None) -> Sequence[click.Option]:
    return [
        option("-d", "--description", "--desc", "description", help="A description."),
        option(
            "--driver", default=driver, show_default=True, help="The driver that manages agents."
        ),
        option("--driver-opts", "--driver_opts", "driver_opts", type=DOCUMENT, help="In JSON."),
        option(
            "--scheduler",
            default=scheduler,
            show_default=True,
            help="The scheduler: fifo, lifo or drf.",
        ),
        option(
            "--scheduler-opts", "--scheduler_opts", "scheduler_opts", type=DOCUMENT, help="In JSON."
        ),
        option("--wsproxy-addr", help="The address of the app proxy."),
        option("--wsproxy-api-token", help="The token of the app proxy."),
    ]


def _opposites(values: dict[str, Any]) -> dict[str, Any]:
    """Translate the options into the API's fields `is_active` and `is_public`, which have the
    opposite meaning.
    """
    given = dict(values)
    inactive, private = given.pop("inactive"), given.pop("private")
    if inactive:
        given["is_active"] = False
    return {**given, "is_public": None if private is None else not private}


def _with_domain(mutation: str, done: str, action: str) -> Change:
    return Change(
        mutation=mutation,
        params=[argument("scaling_group", "scaling-group"), argument("domain", "domain")],
        arguments={"scaling_group": "String!", "domain": "String!"},
        action=f"scaling_group_{action}",
        done=done,
    )


rows = list_command(
    SCALING_GROUP,
    below="add, update, delete, associate-scaling-group, dissociate-scaling-group",
)
show = show_command(SCALING_GROUP, "-n", "--name", required=True)
add = change_command(
    SCALING_GROUP,
    Change(
        mutation="create_scaling_group",
        params=[
            argument("name"),
            inactive(),
            negation("--private", "is_public", help="Only for sessions of administrators."),
            switch("--use-host-network", help="Sessions use the host's network."),
            *_options("static", "fifo"),
        ],
        arguments={"name": "String!"},
        props="CreateScalingGroupInput!",
        action="add",
        returned="scaling_group",
        shown="name,driver,scheduler,is_active",
        existing=False,
        done="scaling group {name} is added",
    ),
    "Add a scaling group.",
)
update = change_command(
    SCALING_GROUP,
    Change(
        mutation="modify_scaling_group",
        params=[
            argument("name", "scaling-group"),
            option("-i", "--inactive", is_flag=True, help="Schedule no sessions on it."),
            boolean("-a", "--active", "is_active", help="Whether sessions are scheduled on it."),
            boolean("--private", help="Whether it is only for administrators."),
            boolean("--use-host-network", help="Whether sessions use the host's network."),
            *_options(),
        ],
        arguments={"name": "String!"},
        props="ModifyScalingGroupInput!",
        prepare=_opposites,
        done="scaling group {name} is changed",
    ),
    "Change a scaling group. Options that are left out keep their values.",
)
delete = change_command(
    SCALING_GROUP,
    Change(
        mutation="delete_scaling_group",
        params=[argument("name", "scaling-group")],
        arguments={"name": "String!"},
        action="deletion",
        question="Delete scaling group {name} permanently?",
        done="scaling group {name} is deleted",
    ),
    "Delete a scaling group permanently.",
)
associate = change_command(
    SCALING_GROUP,
    _with_domain(
        "associate_scaling_group_with_domain",
        "domain {domain} may use scaling group {scaling_group}",
        "association",
    ),
    "Let a domain use a scaling group.",
)
dissociate = change_command(
    SCALING_GROUP,
    _with_domain(
        "disassociate_scaling_group_with_domain",
        "domain {domain} may no longer use scaling group {scaling_group}",
        "dissociation",
    ),
    "Remove a scaling group from a domain.",
)


@click.command()
@click.argument("group", type=Name("group"))
async def available(context: Context, group: str) -> None:
    """List the scaling groups that a group, named by id or name, may use."""
    api = await context.connect()
    like = {"scaling_groups": [{"name": str}]}
    answer = await send(api, "GET", "/scaling-groups", {"group": group}, like)
    await context.output.rows(answer["scaling_groups"], [Column("name", keep=True)])
