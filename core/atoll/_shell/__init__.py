"""The shell itself, a plugin like any other: its commands, settings and toolbar.

The front door is :mod:`atoll._shell.door`. This module is imported at every start, so it imports
nothing but records.
"""

from collections.abc import Iterator

from atoll._records import Command, Invocation, Setting, Status
from atoll.hookspecs import hookimpl

_COMMANDS = "atoll._shell.commands"
_SYSTEM_SHELLS = "atoll._shell.system_shells"


@hookimpl
def atoll_commands() -> Iterator[Command]:
    """Commands about the prompt, its jobs, and the shells of the system."""
    yield Command("jobs", "List what runs in the background", f"{_COMMANDS}:jobs")
    yield Command("jobs cancel", "Interrupt jobs", f"{_COMMANDS}:cancel")
    yield Command("cd", "Go to another folder", f"{_COMMANDS}:cd")
    yield Command("exit", "Leave the prompt", f"{_COMMANDS}:leave", ("quit",))
    yield Command("history", "List lines typed before", f"{_COMMANDS}:history")
    yield Command("completion", "Tab for the system's own shells")
    yield Command("completion bash", "Print what bash is to run", f"{_SYSTEM_SHELLS}:bash")
    yield Command("completion zsh", "Print what zsh is to run", f"{_SYSTEM_SHELLS}:zsh")
    yield Command("completion fish", "Print what fish is to run", f"{_SYSTEM_SHELLS}:fish")
    yield Command(
        "completion answer", "What a line may become", f"{_SYSTEM_SHELLS}:answer", hidden=True
    )


@hookimpl
def atoll_settings() -> Iterator[Setting]:
    """Keys of config.yaml that the prompt reads."""
    yield Setting("shell.edit_mode", "emacs", "Key bindings of the prompt", ("emacs", "vi"))
    yield Setting("shell.suggest", True, "Suggest the rest of a line from the history")
    yield Setting("shell.history_size", 10_000, "How many lines the history keeps")


@hookimpl
def atoll_status() -> Iterator[Status]:
    """Segments of the toolbar."""
    yield Status("profile", "atoll._shell.segments:profile")
    yield Status("jobs", "atoll._shell.segments:jobs")
    yield Status("last", "atoll._shell.segments:last")
    yield Status("names", "atoll._shell.segments:names")


@hookimpl
def atoll_invocations() -> Iterator[Invocation]:
    """Note how long each command takes."""
    yield Invocation("stopwatch", "atoll._shell.segments:stopwatch")
