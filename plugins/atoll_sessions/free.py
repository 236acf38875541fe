"""Returns the free slots; of each slot, the strictest limit counts."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from atoll import Problem
from atoll.reading import maybe, to_figure

if TYPE_CHECKING:
    from atoll import Api

_REMAINING = ("keypair_remaining", "group_remaining")
_PRESETS = {name: maybe(dict) for name in ("scaling_group_remaining", *_REMAINING)}


async def free_slots(api: "Api", group: str) -> Mapping[str, float]:
    """Return what a session of a group might get (`POST /resource/check-presets`); empty if the
    cluster refuses to tell. Raises all other errors.
    """
    try:
        answer = await api.json(
            "POST", "/resource/check-presets", params={"group": group}, safe=True, like=_PRESETS
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        return {}
    free = amounts(answer.get("scaling_group_remaining"))
    for whose in _REMAINING:
        allowed = amounts(answer.get(whose))
        free = {slot: min(amount, allowed.get(slot, amount)) for slot, amount in free.items()}
    return free


def amounts(slots: Mapping[str, Any] | None) -> dict[str, float]:
    """Return the amounts that are finite numbers, since managers also write Infinity and NaN."""
    found = {slot: to_figure(amount) for slot, amount in (slots or {}).items()}
    return {slot: amount for slot, amount in found.items() if amount is not None}
