"""What a line may end in while it is understood, before anything runs."""

import click

from atoll._plugins import Origin, guarded


class HelpAsked(Exception):
    """The line asks for help, or for something else that is told without running it; the text is
    that, `code` its exit code.
    """

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


def understanding(origin: Origin, what: str) -> guarded:
    """Guard code of a plugin that a line is understood with: what click means to raise passes."""
    meant = (HelpAsked, click.ClickException, click.Abort, click.exceptions.Exit)
    return guarded(origin, what, passing=meant)
