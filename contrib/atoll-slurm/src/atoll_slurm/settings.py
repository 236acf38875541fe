"""What a user may set about a site; all texts, as the settings of an engine are."""

import shlex
from collections.abc import Mapping

from attrs import field, fields, frozen

from atoll_cluster.engines import EngineError
from atoll_slurm.images import SETTING


@frozen(kw_only=True)
class Settings:
    """The settings by their names, and what they stand for."""

    partition: str = ""
    """Where sessions run that name no scaling group; empty for Slurm's own default."""
    account: str = ""
    qos: str = ""
    time: str = ""
    """The time limit of sessions, as sbatch has it; empty for the most that the partition gives."""
    memory: str = "mem"
    """Whether sessions ask for memory: `mem`, or `none` where a site forbids it."""
    python: str = "python3"
    """The Python of the nodes, 3.9 or newer."""
    extra: str = ""
    """More options of sbatch, as they are typed."""

    images: Mapping[str, str] = field(factory=dict)
    """What leads to a Python, by the names of images; see `images.py`."""

    @classmethod
    def read(cls, found: Mapping[str, str]) -> "Settings":
        """Read them; raises EngineError for one that there is not."""
        images = {name: text for name, text in found.items() if name.startswith(SETTING)}
        known = [one.name for one in fields(cls) if one.name != "images"]
        if unknown := sorted(set(found) - set(known) - set(images)):
            names = ", ".join([*known, f"{SETTING}NAME"])
            raise EngineError(f"there is no setting {unknown[0]} of slurm; there are {names}")
        if found.get("memory", "mem") not in {"mem", "none"}:
            raise EngineError(f"memory is mem or none, not {found['memory']}")
        plain = {name: text for name, text in found.items() if name not in images}
        return cls(**plain, images=images)

    @property
    def extra_words(self) -> list[str]:
        """The words of `extra`; raises EngineError for quotes that never end."""
        try:
            return shlex.split(self.extra)
        except ValueError as error:
            raise EngineError(f"the setting extra of slurm can't be read: {error}") from None
