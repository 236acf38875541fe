"""Remember where nodes lack the Python of the settings, so that no job is sent there in vain."""

import time
from pathlib import Path

from attrs import define, field

from atoll_cluster.engines import EngineError, Job
from atoll_slurm.options import nodelist, partition_of
from atoll_slurm.script import NO_PYTHON
from atoll_slurm.settings import Settings

_GOOD_FOR = 600.0
"""Seconds for which a lack is believed, as the site may install a Python meanwhile."""


@define
class Pythons:
    """Partitions of whose nodes one has been found without a Python."""

    settings: Settings
    _partitions: dict[str, str] = field(factory=dict, init=False)
    """Where kernels were submitted, by their ids."""
    _lacking: dict[str, tuple[float, str]] = field(factory=dict, init=False)
    """When, and on which node, a Python was missed, by partition."""

    def check(self, job: Job) -> None:
        """Raise EngineError if nodes of a job's partition lack a Python, unless it names nodes."""
        partition = self._partitions[job.kernel_id] = partition_of(job, self.settings)
        since, node = self._lacking.get(partition, (-_GOOD_FOR, ""))
        if time.monotonic() - since < _GOOD_FOR and nodelist(job) in {"", node}:
            raise EngineError(self._words(node))

    def missed(self, kernel_id: str, folder: Path) -> str | None:
        """Return why the script of a kernel's job has started nothing; None if it was not this.

        `folder` is that of the kernel after which the job is named.
        """
        node = node_without(folder)
        if node is None:
            return None
        if (partition := self._partitions.get(kernel_id)) is not None:
            self._lacking[partition] = time.monotonic(), node
        return self._words(node)

    def _words(self, node: str) -> str:
        return (
            f"{node} has no {self.settings.python}; give a Python that nodes have, 3.9 or newer,"
            " by `atoll local up --engine slurm --set python=PATH` on the login node, after"
            " `atoll local down`"
        )


def node_without(folder: Path) -> str | None:
    """Return the node on which the script of a kernel's job has found no Python.

    This lists the folder, because a shared file system shows new files first in lists.
    """
    try:
        names = [one.name for one in (folder / "run").iterdir()]
    except OSError:
        return None
    found = (name.removeprefix(NO_PYTHON) for name in names if name.startswith(NO_PYTHON))
    return next(found, None)
