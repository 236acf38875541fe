"""`@NAME` before a command: the profile for this line."""

from collections.abc import Sequence

from atoll._errors import UsageError

MARK = "@"
_SEVERAL = ",*?["
"""Characters that names of profiles don't contain, but texts that stand for several profiles do."""
_OPTION = "--profile"


def check_prefix(prefix: str) -> None:
    """Raise UsageError for an `@` without a name."""
    if not prefix.strip(","):
        raise UsageError("@ needs the name of a profile", hint="such as @lab ps, or @* ps for all")


def names_several(prefix: str) -> bool:
    """Whether a prefix means several profiles: `lab,home`, or a pattern such as `*`."""
    return any(mark in prefix for mark in _SEVERAL)


def profile_of(before: Sequence[str], words: Sequence[str]) -> str:
    """Return the profile that a line names by `@NAME` before its command, or by `--profile` after
    it; empty for none. The line may be unfinished.
    """
    named = next((word.removeprefix(MARK) for word in before if word.startswith(MARK)), "")
    for at, word in enumerate(words):
        if word == "--":
            break
        if word.startswith(f"{_OPTION}="):
            named = word.partition("=")[2]
        elif word == _OPTION and words[at + 1 :]:
            named = words[at + 1]
    return named
