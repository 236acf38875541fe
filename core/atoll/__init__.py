"""atoll: a shell for compute clusters.

These are the names for authors of plugins; everything else may change between releases. Each is
imported when it is first used, so that a plugin's light entry module stays light.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atoll._version import __version__
    from atoll.consent import yes_option
    from atoll.context import Context
    from atoll.errors import (
        AtollError,
        ExitCode,
        Interrupted,
        NotAuthorized,
        NotFound,
        Problem,
        TimedOut,
        Unreachable,
        UsageError,
    )
    from atoll.hookspecs import hookimpl
    from atoll.names import Name
    from atoll.output import Column, Writer, columns_of
    from atoll.owners import owner_option
    from atoll.profiles import Profile
    from atoll.records import (
        Candidate,
        Check,
        Command,
        Completion,
        Finding,
        Format,
        Invocation,
        ProfileOffer,
        Setting,
        Status,
        Transport,
    )

_HOMES = {
    "atoll._version": ["__version__"],
    "atoll.context": ["Context"],
    "atoll.errors": [
        "AtollError",
        "ExitCode",
        "Interrupted",
        "NotAuthorized",
        "NotFound",
        "Problem",
        "TimedOut",
        "Unreachable",
        "UsageError",
    ],
    "atoll.hookspecs": ["hookimpl"],
    "atoll.names": ["Name"],
    "atoll.output": ["Column", "Writer", "columns_of"],
    "atoll.consent": ["yes_option"],
    "atoll.owners": ["owner_option"],
    "atoll.profiles": ["Profile"],
    "atoll.records": [
        "Candidate",
        "Check",
        "Command",
        "Completion",
        "Finding",
        "Format",
        "Invocation",
        "ProfileOffer",
        "Setting",
        "Status",
        "Transport",
    ],
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "AtollError",
    "Candidate",
    "Check",
    "Column",
    "Command",
    "Completion",
    "Context",
    "ExitCode",
    "Finding",
    "Format",
    "Interrupted",
    "Invocation",
    "Name",
    "NotAuthorized",
    "NotFound",
    "Problem",
    "Profile",
    "ProfileOffer",
    "Setting",
    "Status",
    "TimedOut",
    "Transport",
    "Unreachable",
    "UsageError",
    "Writer",
    "__version__",
    "columns_of",
    "hookimpl",
    "owner_option",
    "yes_option",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'atoll' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)
