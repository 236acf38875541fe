"""The prompt, a plugin like any other: its commands, settings, toolbar segments and keys.

The front door is :mod:`atoll._shell.main`. This module is imported at every start, so it imports
nothing but records.
"""

from collections.abc import Iterator

from attrs import evolve

from atoll._records import Check, Command, Invocation, Keys, Setting, Status
from atoll.hookspecs import hookimpl

_COMMANDS = "atoll._shell.commands"
_JOBS = "atoll._shell.job_commands"
_SYSTEM_SHELLS = "atoll._shell.system_shells"


@hookimpl
def atoll_commands() -> Iterator[Command]:
    """Commands for the prompt, its jobs, and completion in the system's shells."""
    # None of them uses a cluster.
    return (evolve(command, single=True) for command in _commands())


def _commands() -> Iterator[Command]:
    yield Command("jobs", "List background jobs", f"{_JOBS}:jobs")
    yield Command("jobs kill", "End jobs: kill %1", f"{_JOBS}:kill")
    yield Command("jobs wait", "Wait for jobs: wait, wait %1, wait -n", f"{_JOBS}:wait")
    yield Command("jobs limit", "Limit how many jobs run at a time", f"{_JOBS}:limit")
    yield Command("fg", "Bring a job to the foreground", f"{_JOBS}:fg")
    yield Command("bg", "Continue a stopped job in the background", f"{_JOBS}:bg")
    yield Command("cd", "Change the current folder", f"{_COMMANDS}:cd")
    yield Command("exit", "Leave the prompt, or end the script", f"{_COMMANDS}:leave", ("quit",))
    yield Command("history", "List lines typed before", f"{_COMMANDS}:history")
    yield Command("clear", "Clear the screen", f"{_COMMANDS}:clear")
    yield Command("keys", "List the keys of the prompt", f"{_COMMANDS}:keys")
    yield Command("completion", "Completion for other shells")
    yield Command("completion bash", "Print the code for bash", f"{_SYSTEM_SHELLS}:bash")
    yield Command("completion zsh", "Print the code for zsh", f"{_SYSTEM_SHELLS}:zsh")
    yield Command("completion fish", "Print the code for fish", f"{_SYSTEM_SHELLS}:fish")
    yield Command(
        "completion answer",
        "Print the completions of a line",
        f"{_SYSTEM_SHELLS}:answer",
        hidden=True,
    )


@hookimpl
def atoll_settings() -> Iterator[Setting]:
    """Keys of config.yaml that the prompt reads."""
    yield Setting("shell.edit_mode", "emacs", "Key bindings of the prompt", ("emacs", "vi"))
    yield Setting("shell.menu", "tab", "When the menu opens", ("tab", "typing"))
    yield Setting(
        "shell.theme",
        "auto",
        "Colours for which background: auto asks the terminal",
        ("auto", "light", "dark"),
    )
    keys = "Lines for keys of your own, such as f5: ps"
    yield Setting("shell.keys", "", keys, mapping=True)
    yield Setting("shell.plain", False, "No colours, toolbar and redrawing: for screen readers")
    yield Setting("shell.suggest", True, "Suggest the rest of a line from the history")
    yield Setting("shell.history_size", 10_000, "How many lines the history keeps")
    yield Setting("shell.history_ignore", "", "Lines that it does not keep: patterns, by commas")
    yield Setting("shell.jobs_limit", 0, "How many jobs run at a time at most; 0 for no limit")


@hookimpl
def atoll_status() -> Iterator[Status]:
    """Segments of the toolbar."""
    yield Status("profile", "atoll._shell.segments:profile", weight=90)
    yield Status("jobs", "atoll._shell.segments:jobs", weight=70)
    yield Status("last", "atoll._shell.segments:last", weight=60)
    yield Status("names", "atoll._shell.segments:names", weight=55)


@hookimpl
def atoll_keys() -> Iterator[Keys]:
    """The keys of the prompt, and keys of the line editor that plugins can't use."""
    yield Keys(
        "enter",
        "atoll._shell.keys:enter",
        "Run the line, or go on while a quote or a brace is open",
    )
    yield Keys("c-z", "atoll._shell.suspending:press", "Stop atoll, until fg in your own shell")
    yield Keys("tab", None, "Complete, and go through the candidates")
    yield Keys("right", None, "Accept the suggestion from the history")
    yield Keys("up", None, "The line before")
    yield Keys("down", None, "The line after")
    yield Keys("c-r", None, "List earlier lines, and search through them")
    yield Keys("escape enter", None, "Begin another line (emacs keys)")
    yield Keys("c-x c-e", None, "Edit the line in your editor")
    yield Keys("c-c", None, "Clear the line, or interrupt a command")
    yield Keys("c-l", None, "Clear the screen")
    yield Keys("c-d", None, "Leave, on an empty line")


@hookimpl
def atoll_checks() -> Iterator[Check]:
    """The check that shows failures of plugins in completion and background tasks."""
    yield Check("plugins", "atoll._shell.failure_check:check")


@hookimpl
def atoll_invocations() -> Iterator[Invocation]:
    """The context manager that measures how long each command takes."""
    yield Invocation("stopwatch", "atoll._shell.segments:stopwatch")
