"""Exceptions and guards for parsing a line."""

from atoll._plugins import Origin, guarded


class HelpAsked(Exception):
    """The line asks for help or another text, such as a version, instead of running a command.

    The exception's text is the text to show, `code` is the exit code.
    """

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


def guarded_parsing(origin: Origin, what: str) -> guarded:
    """Guard a plugin's code that is called while a line is parsed; click's own exceptions pass."""
    import click

    passing = (HelpAsked, click.ClickException, click.Abort, click.exceptions.Exit)
    return guarded(origin, what, passing=passing)
