"""atoll: a shell for compute clusters.

These names, and those of the modules without an underscore below this one, are for authors of
plugins; a name with an underscore may change in any release. Each is imported when it is first
used, so that importing this module takes a plugin little time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atoll._api import Api, ApiVersion, Reply
    from atoll._capture import Capture
    from atoll._consent import yes_option
    from atoll._context import Context, current_context
    from atoll._errors import (
        AtollError,
        ConfigError,
        ExitCode,
        Interrupted,
        NotAuthorized,
        NotFound,
        Problem,
        TimedOut,
        Unreachable,
        UsageError,
    )
    from atoll._jobs import Job, Jobs, current_job
    from atoll._key_press import KeyPress
    from atoll._names import Name, Values
    from atoll._paths import Paths
    from atoll._plugins import Origin, PluginError, Provided
    from atoll._profiles import ENVIRONMENT, Profile
    from atoll._records import (
        Background,
        Candidate,
        Check,
        Command,
        Completion,
        Example,
        Finding,
        Format,
        Hint,
        Invocation,
        Keys,
        Option,
        ProfileOffer,
        Setting,
        Status,
        Transport,
    )
    from atoll._runtime import aio
    from atoll._secrets import Secret
    from atoll._state import ShellState
    from atoll._version import __version__
    from atoll.hookspecs import Hook, hookimpl

_HOMES = {
    "atoll._version": ["__version__"],
    "atoll._api": ["Api", "ApiVersion", "Reply"],
    "atoll._capture": ["Capture"],
    "atoll._consent": ["yes_option"],
    "atoll._context": ["Context", "current_context"],
    "atoll._errors": [
        "AtollError",
        "ConfigError",
        "ExitCode",
        "Interrupted",
        "NotAuthorized",
        "NotFound",
        "Problem",
        "TimedOut",
        "Unreachable",
        "UsageError",
    ],
    "atoll.hookspecs": ["Hook", "hookimpl"],
    "atoll._jobs": ["Job", "Jobs", "current_job"],
    "atoll._names": ["Name", "Values"],
    "atoll._paths": ["Paths"],
    "atoll._plugins": ["Origin", "PluginError", "Provided"],
    "atoll._key_press": ["KeyPress"],
    "atoll._profiles": ["ENVIRONMENT", "Profile"],
    "atoll._records": [
        "Background",
        "Candidate",
        "Check",
        "Command",
        "Completion",
        "Example",
        "Finding",
        "Format",
        "Hint",
        "Invocation",
        "Keys",
        "Option",
        "ProfileOffer",
        "Setting",
        "Status",
        "Transport",
    ],
    "atoll._runtime": ["aio"],
    "atoll._secrets": ["Secret"],
    "atoll._state": ["ShellState"],
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "ENVIRONMENT",
    "Api",
    "ApiVersion",
    "AtollError",
    "Background",
    "Candidate",
    "Capture",
    "Check",
    "Command",
    "Completion",
    "ConfigError",
    "Context",
    "Example",
    "ExitCode",
    "Finding",
    "Format",
    "Hint",
    "Hook",
    "Interrupted",
    "Invocation",
    "Job",
    "Jobs",
    "KeyPress",
    "Keys",
    "Name",
    "NotAuthorized",
    "NotFound",
    "Option",
    "Origin",
    "Paths",
    "PluginError",
    "Problem",
    "Profile",
    "ProfileOffer",
    "Provided",
    "Reply",
    "Secret",
    "Setting",
    "ShellState",
    "Status",
    "TimedOut",
    "Transport",
    "Unreachable",
    "UsageError",
    "Values",
    "__version__",
    "aio",
    "current_context",
    "current_job",
    "hookimpl",
    "yes_option",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'atoll' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
