"""What other plugins may use of this one."""

from atoll_sessions.background import follow_task
from atoll_sessions.creation import HOLD, Wanted, create_session, tell_created
from atoll_sessions.expressions import check_filter, check_order
from atoll_sessions.fields import binary_size, counted, local_time, show_slots
from atoll_sessions.files.beneath import Beneath
from atoll_sessions.files.sending import check_given
from atoll_sessions.options import parse_mounts, parse_pairs, parse_resources
from atoll_sessions.queries import (
    PAGE,
    find_running,
    find_session,
    get_session,
    image_names,
    list_sessions,
    read_file,
)

__all__ = [
    "HOLD",
    "PAGE",
    "Beneath",
    "Wanted",
    "binary_size",
    "check_filter",
    "check_given",
    "check_order",
    "counted",
    "create_session",
    "find_running",
    "find_session",
    "follow_task",
    "get_session",
    "image_names",
    "list_sessions",
    "local_time",
    "parse_mounts",
    "parse_pairs",
    "parse_resources",
    "read_file",
    "show_slots",
    "tell_created",
]
