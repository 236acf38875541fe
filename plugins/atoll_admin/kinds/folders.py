"""Virtual folders, of everybody."""

from atoll_admin.commands import list_command
from atoll_admin.fields import flag, number, size, text, when
from atoll_admin.kind import Kind, Listing
from atoll_admin.kinds.groups import group_id
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
FOLDER = Kind(
    name="folder",
    key="name",
    who="administrators; others see their own",
    fields=[
        text("id", "ID", keep=True),
        text("name", keep=True),
        text("host"),
        text("creator"),
        text("ownership_type", "Type"),
        text("user_email", "User"),
        text("user", "User ID"),
        text("group_name", "Group"),
        text("group", "Group ID"),
        text("permission"),
        text("usage_mode"),
        text("status"),
        flag("cloneable"),
        number("max_files"),
        number("num_files", "Files"),
        size("cur_size", "Size"),
        text("quota_scope_id", "Quota scope"),
        when("created_at", "Created"),
        when("last_used", "Last used"),
    ],
    listed="id,name,host,creator,ownership_type,user_email,group_name,permission,status,created_at",
    listing=Listing(
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
    option("--access-key", kind="keypair", help="Only folders of this key's user."),
    option("-g", "--group", "group_id", kind="group", help="Only folders of this group."),
    below="list-hosts, list-mounts, mount-host, umount-host, get-fstab-contents, perf-metric",
)
