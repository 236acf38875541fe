"""Virtual folders of all users."""

from atoll.output import Column
from atoll_admin.entities.groups import group_id
from atoll_admin.entity import Entity, ListQuery
from atoll_admin.fields import Field, flag, number, size, text, timestamp
from atoll_admin.list_commands import list_command
from atoll_admin.params import option

_FILTERABLE = (
    "id",
    "host",
    "quota_scope_id",
    "name",
    "group",
    "group_name",
    "user",
    "user_email",
    "creator",
    "unmanaged_path",
    "usage_mode",
    "permission",
    "ownership_type",
    "max_files",
    "max_size",
    "created_at",
    "last_used",
    "cloneable",
    "status",
)
FOLDER = Entity(
    name="folder",
    key="name",
    visible_to="administrators; others see their own",
    fields=[
        text("id", "ID", keep=True),
        text("name", keep=True),
        text("host"),
        text("creator"),
        text("ownership_type", "Type"),
        text("user_email", "User"),
        text("user", "User ID"),
        text("group_name", "Group"),
        Field(Column("group", "Group ID", official_name="group_id"), "group"),
        text("permission"),
        text("usage_mode"),
        text("status"),
        flag("cloneable"),
        number("max_files"),
        number("num_files", "Files"),
        size("cur_size", "Size"),
        text("quota_scope_id", "Quota scope"),
        timestamp("created_at", "Created"),
        timestamp("last_used", "Last used"),
    ],
    default_columns="id,name,host,creator,ownership_type,user_email,group_name,permission,status,created_at",
    official_columns="id,name,host,creator,ownership_type,user_email,group_name,group,permission,"
    "status,created_at",
    listing=ListQuery(
        root="vfolder_list",
        arguments={"access_key": "String", "group_id": "UUID"},
        resolve={"group_id": group_id},
        paged=True,
        filterable=_FILTERABLE,
        orderable=_FILTERABLE,
    ),
)

rows = list_command(
    FOLDER,
    option("--access-key", completes="keypair", help="Only folders of this key's user."),
    option("-g", "--group", "group_id", completes="group", help="Only folders of this group."),
    below="list-hosts, list-mounts, mount-host, umount-host, get-fstab-contents, perf-metric",
)
