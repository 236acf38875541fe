"""What other plugins may use of this one."""

from atoll_sessions.background import follow_task
from atoll_sessions.creation import (
    HOLD,
    Wanted,
    check_release,
    create_session,
    rarely_given,
    session_ids,
    tell_created,
)
from atoll_sessions.expressions import check_filter, check_order
from atoll_sessions.fields import age, binary_size, counted, local_time, show_slots
from atoll_sessions.files.beneath import Beneath
from atoll_sessions.files.names import (
    LONGEST_PATH,
    for_wire,
    from_wire,
    is_name,
    is_path,
    is_text,
    no_text,
    show_name,
    stays_below,
    takes_any_name,
)
from atoll_sessions.files.sending import check_given
from atoll_sessions.files.walking import open_far, walk
from atoll_sessions.model import to_figure
from atoll_sessions.options import parse_mounts, parse_pairs, parse_resources, queue_options
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
    "LONGEST_PATH",
    "PAGE",
    "Beneath",
    "Wanted",
    "age",
    "binary_size",
    "check_filter",
    "check_given",
    "check_order",
    "check_release",
    "counted",
    "create_session",
    "find_running",
    "find_session",
    "follow_task",
    "for_wire",
    "from_wire",
    "get_session",
    "image_names",
    "is_name",
    "is_path",
    "is_text",
    "list_sessions",
    "local_time",
    "no_text",
    "open_far",
    "parse_mounts",
    "parse_pairs",
    "parse_resources",
    "queue_options",
    "rarely_given",
    "read_file",
    "session_ids",
    "show_name",
    "show_slots",
    "stays_below",
    "takes_any_name",
    "tell_created",
    "to_figure",
    "walk",
]
