"""What a user may set about a site; all texts, as the settings of an engine are."""

import shlex
from collections.abc import Mapping

from attrs import fields, frozen

from atoll_cluster.engines import EngineError


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

    @classmethod
    def read(cls, found: Mapping[str, str]) -> "Settings":
        """Read them; raises EngineError for one that there is not."""
        known = [one.name for one in fields(cls)]
        if unknown := sorted(set(found) - set(known)):
            names = ", ".join(known)
            raise EngineError(f"there is no setting {unknown[0]} of slurm; there are {names}")
        if found.get("memory", "mem") not in {"mem", "none"}:
            raise EngineError(f"memory is mem or none, not {found['memory']}")
        return cls(**found)

    @property
    def extra_words(self) -> list[str]:
        """The words of `extra`; raises EngineError for quotes that never end."""
        try:
            return shlex.split(self.extra)
        except ValueError as error:
            raise EngineError(f"the setting extra of slurm can't be read: {error}") from None
