"""Asks before a command destroys something on a profile that is marked `protect: yes`."""

import trio

from atoll._commands import before_command
from atoll._context import Context, ask_consent, choice_of, has_consent
from atoll._preparing import Prepared
from atoll.text import quote

_LONGEST = 200
"""The most characters of a line that the question repeats."""


async def ask_first(context: Context, prepared: Prepared) -> None:
    """Ask before a command that destroys something on a protected profile, unless the line has
    `--yes`.

    Raises AtollError for a no, UsageError if nobody can answer.
    """
    if not prepared.node.destroys or has_consent(context) or says(prepared, "--dry-run"):
        return
    name = await trio.to_thread.run_sync(_protected, context)
    if name and not says_yes(context, prepared):
        await ask_consent(context, f"Profile {name} is protected. Run {shown_line(prepared)}?")


def _protected(context: Context) -> str:
    """Return the name of the profile that the command uses if it is protected; else empty."""
    choice = choice_of(context)
    return choice.name if choice.profile and choice.profile.protect else ""


def says_yes(context: Context, prepared: Prepared) -> bool:
    """Whether the line has the command's option for yes."""
    return bool(context.options.get("yes")) or says(prepared, "--yes")


def says(prepared: Prepared, flag: str) -> bool:
    """Whether the line has a flag of the command."""
    return any(
        flag in param.opts and context.params.get(param.name or "")
        for context in prepared.calls.contexts()
        for param in context.command.params
    )


def shown_line(prepared: Prepared) -> str:
    """Return a line for a question, with `***` in place of its secrets."""
    line = " ".join(map(quote, prepared.words[before_command(prepared.words) :]))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
