"""The columns for folders and files."""

from typing import Any

from atoll.files import show_name
from atoll.output import Column, age, binary_size, local_time


def _size(amount: float | None) -> str:
    return "" if amount is None else binary_size(amount)


def _yes_or_no(value: Any) -> str:
    return "" if value is None else "yes" if value else "no"


def _mebibytes(size: Any) -> str:
    return "" if size is None else binary_size(float(size) * 1024 * 1024)


def _with_t(time: Any) -> Any:
    """Write a time in ISO 8601 with its T, which `GET /folders` leaves out."""
    return time.replace(" ", "T", 1) if isinstance(time, str) else time


_ID = Column("id", "ID", keep=True, enough=9)
_NAME = Column("name", keep=True)
_OWNERSHIP = Column("ownership_type", "Type")
_SIZE = Column("max_size", "Quota", _mebibytes, right=True)
_CREATED = Column("created_at", "Created", local_time, brief=age, official=_with_t)
COLUMNS = [
    _NAME,
    _ID,
    Column("host"),
    Column("status"),
    Column("permission"),
    Column("usage_mode", "Usage"),
    _OWNERSHIP,
    Column("owner"),
    _CREATED,
]
PEER_COLUMNS = [*COLUMNS, Column("creator"), Column("group", official_name="group_id")]
DETAIL = [
    *COLUMNS,
    Column("is_owner", "Yours", _yes_or_no),
    Column("cloneable", show=_yes_or_no),
    Column("num_files", "Files", right=True),
    Column("used_bytes", "Used", _size, right=True),
    _SIZE,
    Column("last_used", "Last used", local_time, brief=age),
    Column("quota_scope_id", "Quota scope"),
    Column("user", "User ID"),
    Column("group", "Group ID"),
]
FILE_COLUMNS = [
    Column("mode"),
    Column("size", right=True),
    Column("modified", show=local_time, brief=age),
    Column("type"),
    Column("name", show=show_name, keep=True),
]
HOST_COLUMNS = [
    Column("name", "Host", keep=True),
    Column("default", show=_yes_or_no),
    Column("backend"),
    Column("used", show=_size, right=True),
    Column("total", show=_size, right=True),
    Column("capabilities", show=", ".join),
]
INVITATION_COLUMNS = [
    _ID,
    Column("vfolder_name", "Folder", keep=True),
    Column("inviter"),
    Column("perm", "Permission"),
    Column("state"),
    _CREATED,
]
