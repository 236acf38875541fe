"""Shows the profile in use in the prompt, and reports changes of profiles by other programs."""

from typing import TYPE_CHECKING

import trio
from attrs import frozen

from atoll._colors import color_of
from atoll._errors import ConfigError
from atoll._state import ShellState
from atoll._target import Target

if TYPE_CHECKING:
    from prompt_toolkit.formatted_text import StyleAndTextTuples

NAME = "atoll> "
_LONGEST = 24
"""The most characters of a profile's name in the prompt."""
_EVERY = 1.0
"""Seconds between checks for changes of profiles by other programs."""


def prompt_text(profile: str) -> str:
    """Return the text of the prompt for a profile, empty if there is none."""
    return f"{_short(profile)} {NAME}" if profile else NAME


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def prompt_pieces(target: Target) -> "StyleAndTextTuples":
    """Return the same text for prompt_toolkit, in the profile's color."""
    if not target.name:
        return [("", NAME)]
    return [(f"class:profile {_style(target)}", _short(target.name)), ("", f" {NAME}")]


def _style(target: Target) -> str:
    profile = target.made.profile if target.made else None
    try:
        return f"fg:{color_of(profile.color)}" if profile and profile.color else ""
    except ConfigError:
        return ""  # reported when the profile was chosen


@frozen
class ProfileWatcher:
    """Reports, above the prompt, when other programs change profiles."""

    target: Target
    state: ShellState

    async def run(self) -> None:
        """Check for changes regularly, until cancelled."""
        while True:
            await trio.sleep(_EVERY)
            for text in await trio.to_thread.run_sync(self.target.changes, abandon_on_cancel=True):
                self.state.say(text)
