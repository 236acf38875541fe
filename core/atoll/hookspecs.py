"""The contract between atoll and its plugins, on one page.

A plugin is a small module, named by an entry point of the group `atoll.plugins`. It implements any
of the hooks below, each by a function of the hook's name, marked with :data:`hookimpl`, without
parameters. Hooks are synchronous, quick, called at most once in a process, and return or yield
immutable records of the hook's class.

A plugin may offer hooks of its own to other plugins, by :data:`HOOKS`.
"""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

import pluggy
from attrs import field, frozen, validators

from atoll._records import (
    Background,
    Check,
    Command,
    Completion,
    Example,
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

__all__ = [
    "BACKGROUND",
    "CHECKS",
    "COMMANDS",
    "COMPLETIONS",
    "CORE_HOOKS",
    "EXAMPLES",
    "FORMATS",
    "HINTS",
    "HOOKS",
    "INVOCATIONS",
    "KEYS",
    "OPTIONS",
    "PROFILES",
    "PROJECT",
    "SETTINGS",
    "STATUS",
    "TRANSPORTS",
    "Hook",
    "hookimpl",
]

R = TypeVar("R")

PROJECT = "atoll"
"""The name by which pluggy recognizes implementations of atoll's hooks."""

hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin as the implementation of the hook of its name.

Of pluggy's options, `tryfirst` and `trylast` place the plugin's records before or after those of
others, `optionalhook` lets the hook be unknown, and `specname` names it. Hooks have no wrappers:
`wrapper` and `hookwrapper` are refused with a warning.
"""


@frozen(eq=False)
class Hook(Generic[R]):
    """A hook: the name of its function, the class of its records, and its purpose in one line.

    `names` returns the names that a record takes: of two records with the same name, the first
    keeps it, and a warning is printed about the other. Without `names`, records have no names.
    """

    name: str = field(validator=validators.matches_re(r"[a-z][a-z0-9]*(_[a-z0-9]+)+"))
    record: type[R] = field(validator=validators.instance_of(type))
    summary: str
    names: Callable[[R], Iterable[str]] | None = None


def _names_of_command(command: Command) -> Iterable[str]:
    above, _, _ = command.name.rpartition(" ")
    return [command.name, *(f"{above} {alias}".strip() for alias in command.aliases)]


COMMANDS = Hook(
    "atoll_commands", Command, "Commands of the shell, such as `ps`.", _names_of_command
)
# Several transports may support one scheme; the profile decides which of them is used.
TRANSPORTS = Hook("atoll_transports", Transport, "Ways to reach a cluster by URL scheme.")
FORMATS = Hook(
    "atoll_formats", Format, "Ways to write records, for `--output`.", lambda one: [one.name]
)
COMPLETIONS = Hook(
    "atoll_completions",
    Completion,
    "Kinds of names that the prompt completes from a snapshot.",
    lambda completion: [completion.kind],
)
STATUS = Hook(
    "atoll_status",
    Status,
    "Segments of the prompt's toolbar, from left to right.",
    lambda status: [status.name],
)
BACKGROUND = Hook(
    "atoll_background",
    Background,
    "Tasks that live as long as the prompt.",
    lambda background: [background.name],
)
KEYS = Hook("atoll_keys", Keys, "Keys of the prompt.", lambda keys: [keys.keys])
PROFILES = Hook(
    "atoll_profiles",
    ProfileOffer,
    "Profiles to use if none is configured; the first offer is used.",
    lambda offer: [offer.name],
)
SETTINGS = Hook(
    "atoll_settings",
    Setting,
    "Keys of `config.yaml` that the plugin reads.",
    lambda setting: [setting.key],
)
INVOCATIONS = Hook(
    "atoll_invocations",
    Invocation,
    "Code that runs around every command.",
    lambda invocation: [invocation.name],
)
CHECKS = Hook("atoll_checks", Check, "Checks of `doctor`.", lambda check: [check.name])
HINTS = Hook(
    "atoll_hints",
    Hint,
    "Hints for errors of the cluster's API.",
    lambda hint: [hint.problem],
)
EXAMPLES = Hook("atoll_examples", Example, "Lines that show how commands are used, for their help.")
OPTIONS = Hook("atoll_options", Option, "Options for commands of other plugins.")
HOOKS: Hook[Hook[object]] = Hook(
    "atoll_hooks",
    Hook,
    "Hooks that the plugin offers to other plugins.",
    lambda hook: [hook.name],
)

CORE_HOOKS: tuple[Hook[object], ...] = (
    COMMANDS,
    TRANSPORTS,
    FORMATS,
    COMPLETIONS,
    STATUS,
    BACKGROUND,
    KEYS,
    PROFILES,
    SETTINGS,
    INVOCATIONS,
    CHECKS,
    HINTS,
    EXAMPLES,
    OPTIONS,
    HOOKS,
)  # type: ignore[assignment]  # Hook is invariant in its record's class, so the values have no common type
"""All hooks that core itself defines."""
