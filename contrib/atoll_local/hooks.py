"""Hooks that this plugin offers to others, and the records that they take."""

from collections.abc import Sequence

from attrs import frozen

from atoll import Hook

__all__ = ["ENGINES", "Engine", "EngineSetting"]


@frozen(eq=False, repr=False)
class EngineSetting:
    """Something that an engine lets its user choose, by `atoll local up --set NAME=VALUE`."""

    name: str
    title: str
    default: str = ""


@frozen(eq=False, repr=False)
class Engine:
    """A place where the embedded cluster can run sessions.

    `load` names what opens it: an `OpenLauncher` of `atoll_cluster.engines`, which the cluster's
    program imports, and nobody else.
    """

    name: str
    title: str
    load: str
    settings: Sequence[EngineSetting] = ()


ENGINES = Hook(
    "atoll_engines",
    Engine,
    "Places where the embedded cluster can run sessions.",
    lambda engine: [engine.name],
)
