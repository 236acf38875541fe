"""An engine that runs sessions as Slurm jobs, for the embedded cluster on a site's login node."""

from collections.abc import Iterator

from atoll import hookimpl
from atoll_local.hooks import Engine, EngineSetting


@hookimpl
def atoll_engines() -> Iterator[Engine]:
    """Add the engine `slurm` with its settings; see `settings.py`."""
    settings = [
        EngineSetting("partition", "The partition of sessions that name no scaling group"),
        EngineSetting("account", "The account for sessions that name no group"),
        EngineSetting("qos", "The quality of service of sessions"),
        EngineSetting("time", "The time limit of sessions; by default the longest allowed"),
        EngineSetting("memory", "Whether sessions request memory: mem or none", "mem"),
        EngineSetting("python", "The Python of the nodes, 3.9 or newer", "python3"),
        EngineSetting(
            "hold", "Seconds that a sweep's job waits for the next case; 0 for none", "10"
        ),
        EngineSetting("sandbox", "Whether nodes that allow a sandbox run sessions in one", "no"),
        EngineSetting("show", "Folders that are seen in the sandbox, as /scratch:/project"),
        EngineSetting("extra", "Additional options of sbatch"),
        EngineSetting("image", "A Python of the nodes, or a command that runs one", many=True),
    ]
    yield Engine(
        "slurm",
        "Slurm jobs",
        "atoll_slurm.launcher:launcher",
        settings,
        "atoll_slurm.checks:check",
    )
