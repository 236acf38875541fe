"""Files of this machine: private ones, safe folders, trees of any depth and names of any bytes."""

from atoll._private_files import make_private, open_private, write_atomic
from atoll._small_files import read_private
from atoll.files._names import (
    LONGEST_PATH,
    check_given,
    is_name,
    is_path,
    is_text,
    no_text,
    show_name,
    stays_below,
)
from atoll.files._safe_folder import SafeFolder
from atoll.files._walking import Found, open_deep, refuse, remove_tree, walk

__all__ = [
    "LONGEST_PATH",
    "Found",
    "SafeFolder",
    "check_given",
    "is_name",
    "is_path",
    "is_text",
    "make_private",
    "no_text",
    "open_deep",
    "open_private",
    "read_private",
    "refuse",
    "remove_tree",
    "show_name",
    "stays_below",
    "walk",
    "write_atomic",
]
