"""Session templates: write them once, and start sessions from them."""

from collections.abc import Iterator

from atoll import Command, Completion, Example, hookimpl

_VERBS = {
    "check": "Check a template, without a cluster",
    "create": "Store templates",
    "list": "List templates",
    "get": "Show a template",
    "update": "Replace a template",
    "delete": "Delete a template",
}


@hookimpl
def atoll_commands() -> Iterator[Command]:
    """Commands about session templates."""
    yield Command("session-template", "Session templates")
    yield Command("sesstpl", "Session templates (short name)")
    for verb, summary in _VERBS.items():
        module = f"atoll_templates.{'check' if verb == 'check' else 'commands'}"
        attribute = "list_templates" if verb == "list" else verb
        for group in ("session-template", "sesstpl"):
            load = f"{module}:{attribute}"
            yield Command(f"{group} {verb}", summary, load, destroys=verb == "delete")
    yield Command(
        "start-template",
        "Start a session from a template",
        "atoll_templates.start:start_template",
        ("start-from-template", "create-from-template"),
    )
    yield Command(
        "session create-from-template",
        "Same as atoll start-template",
        "atoll_templates.start:start_template",
    )


@hookimpl
def atoll_completions() -> Iterator[Completion]:
    """Names of templates."""
    yield Completion("session-template", "atoll_templates.completions:templates", ttl=30.0)


@hookimpl
def atoll_examples() -> Iterator[Example]:
    """How the commands are used."""
    from atoll_templates.examples import EXAMPLES

    yield from EXAMPLES
