"""What other plugins may use of this one."""

from atoll_sessions.background import follow_task
from atoll_sessions.creation import (
    HOLD,
    Created,
    SessionRequest,
    check_release,
    create_session,
    rarely_given,
    session_ids,
    started,
)
from atoll_sessions.expressions import check_filter, check_order, filter_values
from atoll_sessions.files.names import for_wire, from_wire, takes_any_name
from atoll_sessions.options import parse_mounts, parse_pairs, parse_resources, queue_options
from atoll_sessions.owners import owner_option
from atoll_sessions.queries import (
    PAGE,
    find_running,
    find_session,
    get_session,
    image_names,
    list_sessions,
    read_file,
)
from atoll_sessions.start_output import show_started
from atoll_sessions.streams import WEB_SERVERS_ANSWER

__all__ = [
    "HOLD",
    "PAGE",
    "WEB_SERVERS_ANSWER",
    "Created",
    "SessionRequest",
    "check_filter",
    "check_order",
    "check_release",
    "create_session",
    "filter_values",
    "find_running",
    "find_session",
    "follow_task",
    "for_wire",
    "from_wire",
    "get_session",
    "image_names",
    "list_sessions",
    "owner_option",
    "parse_mounts",
    "parse_pairs",
    "parse_resources",
    "queue_options",
    "rarely_given",
    "read_file",
    "session_ids",
    "show_started",
    "started",
    "takes_any_name",
]
