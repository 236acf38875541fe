"""The whole contract between atoll and its plugins, on one page.

A plugin is a light module named by an entry point of the group `atoll.plugins`. It implements any
of the functions below, marked with :data:`hookimpl`. Hooks are synchronous, cheap, called at most
once in a process, and return or yield frozen records of :mod:`atoll._records`.
"""

from collections.abc import Iterable

import pluggy

from atoll._records import (
    Check,
    Command,
    Completion,
    Format,
    Invocation,
    ProfileOffer,
    Setting,
    Status,
    Transport,
)

PROJECT = "atoll"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def atoll_commands() -> Iterable[Command]:  # type: ignore[empty-body]  # a specification has no body
    """Commands of the shell, such as `ps`. A name or alias that is taken is refused with a
    warning.
    """


@hookspec
def atoll_transports() -> Iterable[Transport]:  # type: ignore[empty-body]  # as above
    """Ways to reach a cluster by URL scheme."""


@hookspec
def atoll_formats() -> Iterable[Format]:  # type: ignore[empty-body]  # as above
    """Ways to write records, for `--output`."""


@hookspec
def atoll_completions() -> Iterable[Completion]:  # type: ignore[empty-body]  # as above
    """Kinds of names that the prompt completes from a snapshot."""


@hookspec
def atoll_status() -> Iterable[Status]:  # type: ignore[empty-body]  # as above
    """Segments of the prompt's toolbar, from left to right."""


@hookspec
def atoll_profiles() -> Iterable[ProfileOffer]:  # type: ignore[empty-body]  # as above
    """Profiles for when none is configured; the first offer is taken."""


@hookspec
def atoll_settings() -> Iterable[Setting]:  # type: ignore[empty-body]  # as above
    """Keys of `config.yaml` that the plugin reads."""


@hookspec
def atoll_invocations() -> Iterable[Invocation]:  # type: ignore[empty-body]  # as above
    """What runs around every command."""


@hookspec
def atoll_checks() -> Iterable[Check]:  # type: ignore[empty-body]  # as above
    """What `doctor` looks at."""
