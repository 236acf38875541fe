"""Assigns names to records: each name belongs to one plugin."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from atoll._plugins.provided import Provided
from atoll.hookspecs import Hook


def share_names(
    hook: Hook[Any],
    candidates: Sequence[Provided[Any]],
    preferred: Callable[[], Sequence[str]],
    warn: Callable[[str], None],
) -> dict[str, Provided[Any]]:
    """Return the record for each name: that of the plugin that the user prefers, else the first.

    For each pair of plugins, one warning lists the names that the other plugin has.
    """
    offers: dict[str, list[Provided[Any]]] = {}
    for provided in candidates:
        for name in hook.names(provided.record) if hook.names else ():
            offers.setdefault(name, []).append(provided)
    wanted = list(preferred()) if any(len(rivals) > 1 for rivals in offers.values()) else []
    named = {name: _chosen(rivals, wanted) for name, rivals in offers.items()}
    lost: dict[tuple[Any, Any], list[str]] = {}
    for name, rivals in offers.items():
        winner = named[name]
        for one in rivals:
            if one is not winner and winner.origin.name not in wanted:
                lost.setdefault((one.origin, winner.origin), []).append(name)
    for (loser, winner), names in lost.items():
        things = f"{_noun(hook)} {', '.join(map(repr, names))}"
        if loser == winner:
            warn(f"{loser}: {things} is offered twice")
        else:
            warn(f"{loser}: {things} is already provided by {winner}")
    return named


def _chosen(rivals: Sequence[Provided[Any]], wanted: Sequence[str]) -> Provided[Any]:
    preferred = [one for name in wanted for one in rivals if one.origin.name == name]
    return (preferred or rivals)[0]


def _noun(hook: Hook[Any]) -> str:
    """Return the noun for a hook's records: `profile offer` for ProfileOffer."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", hook.record.__name__).lower()
