"""The hook for engines, and its records."""

from collections.abc import Sequence

from attrs import frozen

from atoll import Hook

__all__ = ["ENGINES", "Engine", "EngineSetting"]


@frozen(eq=False, repr=False)
class EngineSetting:
    """A setting of an engine, for `atoll local up --set NAME=VALUE`.

    A setting with `many` has any number of values, which are set as `NAME.ANY=VALUE`.
    """

    name: str
    title: str
    default: str = ""
    many: bool = False


@frozen(eq=False, repr=False)
class Engine:
    """A place where the embedded cluster can run sessions.

    `load` names an `OpenLauncher` of `atoll_cluster.engines`; only the cluster's program imports
    it. `check` names a check for `doctor`, which runs if the engine is in use: `async def
    check(data, settings)`, which yields a :class:`atoll.Finding` for each thing that the engine
    needs. `data` is the folder of the cluster, which may not exist yet; `settings` are the settings
    of the engine.
    """

    name: str
    title: str
    load: str
    settings: Sequence[EngineSetting] = ()
    check: str = ""


ENGINES = Hook(
    "atoll_engines",
    Engine,
    "Places where the embedded cluster can run sessions.",
    lambda engine: [engine.name],
)
