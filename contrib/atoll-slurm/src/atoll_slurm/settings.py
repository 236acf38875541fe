"""The settings of the engine for Slurm; all values are texts."""

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from attrs import field, fields, frozen

from atoll_cluster.engines import EngineError
from atoll_slurm.images import SETTING

_SEVERAL = re.compile(r"--array(=|$)|-a|:$")
"""Options of sbatch by which it would start several jobs."""


@frozen(kw_only=True)
class Settings:
    """The values of the settings; each attribute has the name of its setting."""

    partition: str = ""
    """The partition of sessions that name no scaling group; empty for Slurm's default partition."""
    account: str = ""
    qos: str = ""
    time: str = ""
    """The time limit of sessions in sbatch's format; empty for the longest that is allowed."""
    memory: str = "mem"
    """Whether jobs ask Slurm for memory: `mem`, or `none` if the site forbids it."""
    python: str = "python3"
    """The Python of the nodes, 3.9 or newer."""
    hold: str = "10"
    """Seconds that the job of a sweep's case waits for the next case; 0 for a job for each case."""
    sandbox: str = "no"
    """Whether sessions run in a sandbox on nodes that allow one: `no` or `auto`."""
    show: str = ""
    """The folders that sessions see in the sandbox besides the system, separated by colons."""
    extra: str = ""
    """Further options of sbatch, quoted as in a shell."""

    images: Mapping[str, str] = field(factory=dict)
    """The commands of images, by the name of the setting (`image.NAME`); see `images.py`."""

    @classmethod
    def read(cls, found: Mapping[str, str]) -> "Settings":
        """Read the settings; raises EngineError for an unknown setting or an invalid value."""
        images = {name: text for name, text in found.items() if name.startswith(SETTING)}
        known = [one.name for one in fields(cls) if one.name != "images"]
        if unknown := sorted(set(found) - set(known) - set(images)):
            names = ", ".join([*known, f"{SETTING}NAME"])
            raise EngineError(f"there is no setting {unknown[0]} of slurm; there are {names}")
        if found.get("memory", "mem") not in {"mem", "none"}:
            raise EngineError(f"memory is mem or none, not {found['memory']}")
        if found.get("sandbox", "no") not in {"no", "auto"}:
            raise EngineError(f"sandbox is no or auto, not {found['sandbox']}")
        if not re.fullmatch(r"\d{1,3}", found.get("hold", "0")):
            raise EngineError(f"hold is a number of seconds, at most 999, not {found['hold']}")
        plain = {name: text for name, text in found.items() if name not in images}
        return cls(**plain, images=images)

    @property
    def shown(self) -> list[Path]:
        """The folders of `show`; raises EngineError for one that has no absolute path."""
        paths = [Path(word).expanduser() for word in self.show.split(":") if word]
        if wrong := [path for path in paths if not path.is_absolute()]:
            raise EngineError(f"show names folders from / on, as /scratch:/project, not {wrong[0]}")
        return paths

    @property
    def hold_seconds(self) -> int:
        """The value of `hold`; 0 means that no job is held."""
        return int(self.hold)

    @property
    def extra_words(self) -> list[str]:
        """The words of `extra`; raises EngineError if a quote is not closed."""
        try:
            words = shlex.split(self.extra)
        except ValueError as error:
            raise EngineError(f"the setting extra of slurm can't be read: {error}") from None
        if several := [word for word in words if _SEVERAL.match(word)]:
            raise EngineError(f"the setting extra can't have {several[0]}: a session is one job")
        return words
