"""What atoll itself provides, by the same hooks as plugins: profiles, plugins, formats, checks."""

from collections.abc import Iterator

from atoll._node import PROGRAM_NAMES
from atoll._records import Check, Command, Example, Format, Option, Setting
from atoll.hookspecs import hookimpl


@hookimpl
def atoll_commands() -> Iterator[Command]:
    """Commands about atoll itself."""
    yield Command("profile", "Which cluster to use, with which keys")
    yield Command(
        "profile add",
        "Add a profile, or change it",
        "atoll._builtin.profile:add",
        secret=True,
        single=True,
    )
    yield Command(
        "profile list",
        "List the profiles",
        "atoll._builtin.profile:list_profiles",
        ("ls",),
        single=True,
    )
    yield Command(
        "profile use", "Use a profile from now on", "atoll._builtin.profile:use", single=True
    )
    yield Command(
        "profile remove",
        "Delete a profile and its keys",
        "atoll._builtin.profile:remove",
        ("rm",),
        single=True,
    )
    yield Command("profile test", "Check that a profile works", "atoll._builtin.profile:test")
    yield Command(
        "use",
        "Change the profile of this prompt or script",
        "atoll._builtin.use:use",
        single=True,
    )
    yield from _about_settings()
    yield from _about_lines()
    yield Command("doctor", "Find out why something does not work", "atoll._builtin.doctor:doctor")
    yield Command("plugins", "List the plugins", "atoll._builtin.about:plugins", single=True)
    yield Command("version", "Show the version", "atoll._builtin.about:version", single=True)
    yield Command(
        "explain",
        "Show what a command would send",
        "atoll._builtin.explain:explain",
        single=True,
    )
    yield Command("help", "Show help on a command", "atoll._builtin.about:help_", single=True)


def _about_settings() -> Iterator[Command]:
    module = "atoll._builtin.config"
    shows = "Show the settings and where they come from"
    yield Command("config", shows, f"{module}:config", single=True)
    yield Command("config list", shows, f"{module}:config", ("ls",), single=True)
    yield Command("config get", "Print the value of a setting", f"{module}:get", single=True)
    yield Command("config set", "Change a setting in config.yaml", f"{module}:set_", single=True)
    yield Command(
        "config unset", "Remove a setting from config.yaml", f"{module}:unset", single=True
    )


def _about_lines() -> Iterator[Command]:
    """Commands that show the built-in syntax of lines, and those about aliases."""
    language = "atoll._builtin.language"
    yield Command("let", "Set a variable, or list the variables", f"{language}:let", single=True)
    yield Command("print", "Print words and values", f"{language}:print_", single=True)
    yield Command("for", "Run statements for each value", f"{language}:for_", single=True)
    yield Command(
        "source",
        "Run the lines of a file in this prompt or script",
        f"{language}:source",
        single=True,
    )
    yield Command(
        "alias", "Define an alias, or list the aliases", "atoll._builtin.alias:alias", single=True
    )
    yield Command("unalias", "Delete aliases", "atoll._builtin.alias:unalias", single=True)


@hookimpl
def atoll_formats() -> Iterator[Format]:
    """Formats for people and for programs."""
    table = "atoll.output._table"
    yield Format("table", "Columns of fixed width", f"{table}:Table")
    yield Format("plain", "Columns without header and lines", f"{table}:Plain")
    yield Format("json", "A JSON array", "atoll.output._machine:Json")
    yield Format("jsonl", "A JSON object a line", "atoll.output._machine:JsonLines")
    yield Format("yaml", "YAML", "atoll.output._machine:Yaml")
    yield Format(
        "envelope", "JSON as the official client writes it", "atoll.output._envelope:Envelope"
    )
    yield Format("console", "The table, by its name in the official client", f"{table}:Table")
    yield Format("csv", "Comma-separated values with a header", "atoll.output._machine:Csv")


@hookimpl
def atoll_settings() -> Iterator[Setting]:
    """Keys of config.yaml that core reads."""
    formats = [record.name for record in atoll_formats()]
    yield Setting("output", "table", "The output format, unless --output names another", formats)
    yield Setting(
        "behave_as",
        "auto",
        "The form of JSON and questions; auto decides by the program's name",
        ("auto", *PROGRAM_NAMES),
    )
    yield Setting(
        "several.timeout",
        30.0,
        "Seconds that each profile may take when a line names several, such as @* ps",
    )


@hookimpl
def atoll_checks() -> Iterator[Check]:
    """Checks of the user's settings, and of the connection to the cluster in use."""
    yield Check("settings", "atoll._builtin.configured:check")
    yield Check("cluster", "atoll._builtin.connectivity:check")


@hookimpl
def atoll_options() -> Iterator[Option]:
    """Options that all commands have, or all that destroy something."""
    yield Option(("*",), "atoll._builtin.options:output")
    yield Option(("*",), "atoll._builtin.options:profile")
    yield Option(("*destroys",), "atoll._builtin.options:yes")


@hookimpl
def atoll_examples() -> Iterator[Example]:
    """Examples of the commands."""
    from atoll._builtin.examples import EXAMPLES

    yield from EXAMPLES
