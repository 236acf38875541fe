"""What atoll itself offers, through the same hooks as everyone: profiles, plugins, settings,
formats.
"""

from collections.abc import Iterator

from atoll._records import Check, Command, Format, Invocation, Setting, Status
from atoll.hookspecs import hookimpl


@hookimpl
def atoll_commands() -> Iterator[Command]:
    """Commands about atoll itself."""
    yield Command("profile", "Which cluster to use, with which keys")
    yield Command(
        "profile add", "Add a profile, or change it", "atoll._builtin.profile:add", secret=True
    )
    yield Command(
        "profile list", "List the profiles", "atoll._builtin.profile:list_profiles", ("ls",)
    )
    yield Command("profile use", "Use a profile from now on", "atoll._builtin.profile:use")
    yield Command(
        "profile remove", "Delete a profile and its keys", "atoll._builtin.profile:remove", ("rm",)
    )
    yield Command("profile test", "Check that a profile works", "atoll._builtin.profile:test")
    yield Command(
        "config", "Show the settings and where they come from", "atoll._builtin.about:config"
    )
    yield Command("doctor", "Find out why something does not work", "atoll._builtin.doctor:doctor")
    yield Command("plugins", "List the plugins", "atoll._builtin.about:plugins")
    completion = "atoll._shell.system_shells"
    yield Command("completion", "Tab for the system's own shells")
    yield Command("completion bash", "Print what bash is to run", f"{completion}:bash")
    yield Command("completion zsh", "Print what zsh is to run", f"{completion}:zsh")
    yield Command("completion fish", "Print what fish is to run", f"{completion}:fish")
    yield Command(
        "completion answer", "What a line may become", f"{completion}:answer", hidden=True
    )
    yield Command("help", "Show help on a command", "atoll._builtin.about:help_")
    yield Command("jobs", "List what runs in the background", "atoll._builtin.jobs:jobs")
    yield Command("jobs cancel", "Interrupt jobs", "atoll._builtin.jobs:cancel")
    yield Command("cd", "Go to another folder", "atoll._shell.commands:cd")
    yield Command("exit", "Leave the prompt", "atoll._shell.commands:leave", ("quit",))
    yield Command("history", "List lines typed before", "atoll._shell.commands:history")


@hookimpl
def atoll_formats() -> Iterator[Format]:
    """Formats for people and for programs."""
    yield Format("table", "Columns of fixed width", "atoll.output._table:Table")
    yield Format("plain", "Columns without header and lines", "atoll.output._table:Plain")
    yield Format("json", "A JSON array", "atoll.output._machine:Json")
    yield Format("jsonl", "A JSON object a line", "atoll.output._machine:JsonLines")
    yield Format("yaml", "YAML", "atoll.output._machine:Yaml")
    yield Format("csv", "Comma-separated values with a header", "atoll.output._machine:Csv")


@hookimpl
def atoll_settings() -> Iterator[Setting]:
    """Keys of config.yaml that core reads."""
    formats = [record.name for record in atoll_formats()]
    yield Setting("output", "table", "How records are written when --output does not say", formats)
    yield Setting("shell.edit_mode", "emacs", "Key bindings of the prompt", ("emacs", "vi"))
    yield Setting("shell.suggest", True, "Suggest the rest of a line from the history")
    yield Setting("shell.history_size", 10_000, "How many lines the history keeps")


@hookimpl
def atoll_status() -> Iterator[Status]:
    """Segments of the toolbar."""
    yield Status("profile", "atoll._builtin.status:profile")
    yield Status("jobs", "atoll._builtin.status:jobs")
    yield Status("last", "atoll._builtin.status:last")
    yield Status("names", "atoll._builtin.status:names")


@hookimpl
def atoll_invocations() -> Iterator[Invocation]:
    """Note how long each command takes."""
    yield Invocation("stopwatch", "atoll._builtin.status:stopwatch")


@hookimpl
def atoll_checks() -> Iterator[Check]:
    """The way to the cluster in use."""
    yield Check("cluster", "atoll._builtin.reaching:check")
