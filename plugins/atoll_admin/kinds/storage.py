"""Storage volumes: where folders lie."""

from atoll_admin.commands import list_command, show_command
from atoll_admin.fields import document, text, texts
from atoll_admin.kind import Kind, Listing, Reading

_KNOWN = ("id", "backend", "path", "fsprefix")
STORAGE = Kind(
    name="storage volume",
    key="id",
    lister="storage-list",
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
    listed="id,backend,capabilities",
    remarked=("backend",),
    listing=Listing(root="storage_volume_list", paged=True, filterable=_KNOWN, orderable=_KNOWN),
    reading=Reading(root="storage_volume", argument="id"),
)

rows = list_command(
    STORAGE,
    help="List storage volumes; for superadmins. Releases so far don't filter or sort them.",
)
show = show_command(STORAGE, required=True)
