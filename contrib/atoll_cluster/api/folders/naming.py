"""Check the names of folders."""

import re

from atoll_cluster.api.folders.access import as_id
from atoll_cluster.api.request.problems import invalid_params

_NAME = re.compile(r"[\w.][\w.-]{0,63}", re.ASCII)
_RESERVED = frozenset({".", "..", ".terminfo", ".jupyter", ".tmux.conf"})
_IN_PATHS = frozenset(
    {"_", "invitations", "purge", "restore-from-trash-bin", "delete-from-trash-bin"}
)
"""Words that the API's paths use in the same place as names of folders."""

_SETTINGS = re.compile(r"\.[a-z0-9]+(rc|_profile)")

PERMISSIONS = frozenset({"ro", "rw", "wd"})
USAGE_MODES = frozenset({"general", "model", "data"})


def check_name(name: str, *, is_group: bool = False) -> str:
    """Return the name of a folder; raises Problem 400 if it is invalid."""
    why = None
    if not _NAME.fullmatch(name):
        why = "must be 1 to 64 letters, digits, '_', '-' or '.', not beginning with '-'"
    elif name in _RESERVED | _IN_PATHS or _SETTINGS.fullmatch(name):
        why = "is reserved"
    elif as_id(name):
        why = "looks like an id"
    elif is_group and name.startswith(".") and name != ".local":
        why = "begins with a dot, which is allowed only for folders of users"
    if why:
        raise invalid_params(f"folder name {name!r} {why}", {"name": why})
    return name


def check_choice(field: str, value: str, choices: frozenset[str]) -> str:
    """Return a value if it is allowed; otherwise raises Problem 400."""
    if value not in choices:
        why = f"must be one of {', '.join(sorted(choices))}, not {value!r}"
        raise invalid_params(f"{field} {why}", {field: why})
    return value
