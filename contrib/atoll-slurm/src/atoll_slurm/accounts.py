"""Ask Slurm's accounting, if a site has it, for this user's accounts and time limits."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence

import anyio
from attrs import define, field, frozen

from atoll_cluster.engines import EngineError
from atoll_slurm.programs import NoAnswer, run
from atoll_slurm.queue import user
from atoll_slurm.times import shortest

_log = logging.getLogger(__name__)
_NAME = re.compile(r"\w[\w.@+-]*")
_SHOW = ("sacctmgr", "--noheader", "--parsable2", "--immediate", "show")
_USUAL_QOS = "normal"


@frozen
class Association:
    """An account that this user may use; `longest` is its jobs' time limit, empty for none."""

    account: str
    longest: str
    qos: str
    """The QOS of jobs that name none."""


@define
class Accounting:
    """This user's associations, and the time limits of QOS; both are empty without accounting."""

    associations: Sequence[Association] = ()
    longest_of_qos: Mapping[str, str] = field(factory=dict)
    _is_asked: bool = field(default=False, init=False)
    _asking: anyio.Lock = field(factory=anyio.Lock, init=False)

    async def refresh(self, *, again: bool = True) -> None:
        """Ask Slurm's accounting; without `again`, only if it was not asked before."""
        async with self._asking:
            if again or not self._is_asked:
                self.associations = parse(await _ask("associations", f"user={user()}", _FIELDS))
                if self.associations:
                    self.longest_of_qos = parse_qos(await _ask("qos", "format=name,maxwall"))
            self._is_asked = True

    @property
    def accounts(self) -> list[str]:
        """The names of the accounts, each once, though each partition may have an association."""
        return list(dict.fromkeys(one.account for one in self.associations))

    def longest(self, account: str, qos: str) -> str:
        """Return the longest time limit that a job may have, empty for no limit."""
        found = [one for one in self.associations if account in {"", one.account}]
        of_qos = {qos or one.qos for one in found}
        limits = [one.longest for one in found]
        return shortest([*limits, *(self.longest_of_qos.get(name, "") for name in of_qos)])


_FIELDS = "format=account,maxwall,defaultqos,qos"


async def _ask(*words: str) -> list[str]:
    """Return the lines that sacctmgr prints; empty if it fails."""
    try:
        ran = await run([*_SHOW, *words])
    except (NoAnswer, EngineError) as error:
        _log.info("accounting is not known: %s", error)
        return []
    if ran.code:
        _log.info("there is no accounting: %s", ran.words)
        return []
    return ran.out.splitlines()


def parse(lines: Iterable[str]) -> list[Association]:
    """Read the lines of associations; ignore all other lines."""
    found = []
    for line in lines:
        cells = line.strip().split("|")
        if len(cells) == 4 and _NAME.fullmatch(cells[0]):
            account, longest, default, others = cells
            found.append(Association(account, longest, default or _usual(others.split(","))))
    return found


def _usual(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else _USUAL_QOS


def parse_qos(lines: Iterable[str]) -> dict[str, str]:
    """Read the time limits of QOS, by name."""
    cells = (line.strip().split("|") for line in lines)
    return {one[0]: one[1] for one in cells if len(one) == 2}
