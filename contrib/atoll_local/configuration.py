"""What the owner of a data folder has written into its `config.json`.

`{"mock_slots": {"cuda.shares": 4}}` lets the cluster give away devices that are not there, so that
what asks for them can be tried.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal

from attrs import field, frozen

from atoll_local.paths import DataDir, StartError
from atoll_local.scheduler.slots import AmountError, parse_count

_SLOT = re.compile(r"[a-z][a-z0-9]*\.[a-z][a-z0-9-]*")
_KEYS = {"mock_slots"}


@frozen
class Configuration:
    """The settings of a data folder."""

    mock_slots: Mapping[str, Decimal] = field(factory=dict)


def read_configuration(data: DataDir) -> Configuration:
    """Read `config.json`, which need not be there; raises StartError for what makes no sense."""
    path = data.root / "config.json"
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Configuration()
    except (OSError, ValueError) as error:
        raise StartError(f"cannot read {path}: {error}") from error
    if not isinstance(content, dict) or content.keys() - _KEYS:
        raise StartError(f"{path} must be a JSON object with the keys: {', '.join(_KEYS)}")
    slots = content.get("mock_slots", {})
    if not isinstance(slots, dict):
        raise StartError(f"{path}: mock_slots must be an object of names and amounts")
    try:
        return Configuration({name: mock_amount(name, slots[name]) for name in slots})
    except AmountError as error:
        raise StartError(f"{path}: {error}") from error


def mock_amount(name: str, value: object) -> Decimal:
    """Read the amount of a mock device; raises AmountError also for a name that is none."""
    if not _SLOT.fullmatch(name):
        raise AmountError(f"{name!r} is no slot of devices like cuda.shares")
    return parse_count(name, value)
