"""Load the launcher that a name refers to."""

from importlib import import_module
from typing import cast

from atoll_cluster.paths import StartError

from .launcher import OpenLauncher

HERE = "atoll_cluster.engine.local:launcher"
"""The launcher of this machine."""


def load_launcher(name: str | None) -> OpenLauncher:
    """Import the launcher `module:attr`; None means this machine. Raises StartError."""
    module, colon, attribute = (name or HERE).partition(":")
    if not colon:
        raise StartError(f"{name!r} is not an engine (write MODULE:ATTR)")
    try:
        return cast("OpenLauncher", getattr(import_module(module), attribute))
    except (ImportError, AttributeError) as error:
        raise StartError(f"the engine {name} cannot be loaded: {error}") from error
