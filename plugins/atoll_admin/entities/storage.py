"""Storage volumes, on which folders are stored."""

from atoll_admin.entity import Entity, ListQuery, SingleQuery
from atoll_admin.fields import document, text, texts
from atoll_admin.list_commands import list_command, show_command

_KNOWN = ("id", "backend", "path", "fsprefix")
STORAGE = Entity(
    name="storage volume",
    key="id",
    list_word="storage-list",
    fields=[
        text("id", "ID", keep=True),
        text("backend"),
        texts("capabilities"),
        text("path"),
        text("fsprefix", "Prefix"),
        document("usage"),
        document("hardware_metadata", "Hardware"),
        document("performance_metric", "Performance"),
    ],
    default_columns="id,backend,capabilities",
    described_by=("backend",),
    listing=ListQuery(root="storage_volume_list", paged=True, filterable=_KNOWN, orderable=_KNOWN),
    single=SingleQuery(root="storage_volume", argument="id"),
)

rows = list_command(
    STORAGE,
    help="List storage volumes; for superadmins. Releases so far don't filter or sort them.",
)
show = show_command(STORAGE, required=True)
