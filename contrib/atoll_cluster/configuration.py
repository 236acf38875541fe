"""The settings in `config.json` of a data folder.

With `{"slots": {"cpu": 8, "cuda.shares": 4}}` the cluster can offer more slots than this machine
has, so that users can try sessions that request them. `"engine": "module:attr"` names the launcher
of kernels, and `"settings"` contains its settings, texts by name. `atoll local up` writes the file.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from attrs import field, frozen

from atoll_cluster.paths import DataDir, StartError, write_private
from atoll_cluster.slots import AmountError, parse_count, parse_size, plain

_DEVICE = re.compile(r"[a-z][a-z0-9]*\.[a-z][a-z0-9-]*")
_KEYS = ("slots", "engine", "settings")


@frozen
class Configuration:
    """The settings of a data folder; `slots` override those of the machine.

    `engine` names the launcher of kernels, None for this machine's; `settings` are its settings.
    """

    slots: Mapping[str, Decimal] = field(factory=dict)
    engine: str | None = None
    settings: Mapping[str, str] = field(factory=dict)


def read_configuration(data: DataDir) -> Configuration:
    """Read `config.json`, which may be missing; raises StartError if it is invalid."""
    path = _file(data)
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Configuration()
    except (OSError, ValueError, RecursionError) as error:
        raise StartError(f"cannot read {path}: {error}") from error
    if not isinstance(content, dict) or content.keys() - set(_KEYS):
        raise StartError(f"{path} must be a JSON object with the keys: {', '.join(_KEYS)}")
    try:
        return Configuration(
            slots=_slots(content.get("slots", {})),
            engine=_engine(content.get("engine")),
            settings=_settings(content.get("settings", {})),
        )
    except AmountError as error:
        raise StartError(f"{path}: {error}") from error


def _slots(slots: object) -> dict[str, Decimal]:
    if not isinstance(slots, dict):
        raise AmountError("slots must be an object of names and amounts")
    return {name: slot_amount(name, slots[name]) for name in slots}


def _engine(engine: object) -> str | None:
    if engine is not None and not isinstance(engine, str):
        raise AmountError("engine must be a text like module:attr")
    return engine


def _settings(settings: object) -> dict[str, str]:
    if not isinstance(settings, dict) or not all(isinstance(s, str) for s in settings.values()):
        raise AmountError("settings must be an object of names and texts")
    return settings


def write_configuration(data: DataDir, configuration: Configuration) -> None:
    """Replace `config.json`; raises OSError."""
    content: dict[str, object] = {
        "slots": {name: plain(amount) for name, amount in configuration.slots.items()}
    }
    if configuration.engine is not None:
        content |= {"engine": configuration.engine, "settings": dict(configuration.settings)}
    write_private(_file(data), json.dumps(content) + "\n")


def parse_slots(text: str) -> dict[str, Decimal]:
    """Read `cuda.shares=4,cpu=8`; raises AmountError. An empty text means no slots."""
    slots: dict[str, Decimal] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, amount = part.partition("=")
        if not equals:
            raise AmountError(f"{part!r} is not of the form SLOT=AMOUNT, like cpu=8")
        slots[name.strip()] = slot_amount(name.strip(), amount)
    return slots


def slot_amount(name: str, value: object) -> Decimal:
    """Read the amount of a slot; raises AmountError, also for an unknown slot."""
    if name == "mem":
        amount = Decimal(parse_size(value))
    elif name == "cpu" or _DEVICE.fullmatch(name):
        amount = parse_count(name, value)
    else:
        raise AmountError(f"{name!r} is not a slot (use cpu, mem, or devices like cuda.shares)")
    if name in {"cpu", "mem"} and (amount < 1 or amount % 1):
        raise AmountError(f"{name}: must be a whole number above 0, not {value}")
    return amount


def _file(data: DataDir) -> Path:
    return data.root / "config.json"
