"""The accounts that our jobs may be counted for, where a site has accounting."""

import logging
import re
from collections.abc import Iterable

from atoll_cluster.engines import EngineError
from atoll_slurm.programs import NoAnswer, run
from atoll_slurm.queue import user

_log = logging.getLogger(__name__)
_NAME = re.compile(r"[\w][\w.@+-]*")


async def accounts() -> list[str]:
    """Return their names; none where there is no accounting, or it does not answer."""
    argv = ["sacctmgr", "--noheader", "--parsable2", "--immediate", "show", "associations"]
    try:
        ran = await run([*argv, f"user={user()}", "format=account"])
    except (NoAnswer, EngineError) as error:
        _log.info("the accounts are not known: %s", error)
        return []
    if ran.code:
        _log.info("there is no accounting: %s", ran.words)
        return []
    return parse(ran.out.splitlines())


def parse(lines: Iterable[str]) -> list[str]:
    """Read the names, each once: there is one for each partition, too."""
    names = (line.strip() for line in lines)
    return list(dict.fromkeys(name for name in names if _NAME.fullmatch(name)))
