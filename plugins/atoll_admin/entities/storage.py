"""Storage volumes, on which folders are stored."""

from collections.abc import Mapping
from typing import Any

from atoll.output import binary_size
from atoll.reading import to_figure
from atoll_admin.entity import Entity, ListQuery, SingleQuery
from atoll_admin.fields import document, show_pairs, text, texts
from atoll_admin.list_commands import list_command, show_command


def _usage(usage: Any) -> str:
    """Format how full a volume is, in units for people."""
    amounts = usage if isinstance(usage, Mapping) else {}
    used, capacity = (to_figure(amounts.get(name)) for name in ("used_bytes", "capacity_bytes"))
    if used is None or capacity is None:
        return show_pairs(usage)
    return f"{binary_size(used)} of {binary_size(capacity)}"


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
        document("usage", show=_usage),
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
