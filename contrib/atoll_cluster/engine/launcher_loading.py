"""Load the launcher of a name."""

from importlib import import_module
from typing import cast

from atoll_cluster.paths import StartError

from .launcher import OpenLauncher

HERE = "atoll_cluster.engine.local:launcher"
"""The launcher of this machine."""


def load_launcher(name: str | None) -> OpenLauncher:
    """Import `module:attr`, None for this machine; raises StartError."""
    module, colon, attribute = (name or HERE).partition(":")
    if not colon:
        raise StartError(f"{name!r} is not an engine (write MODULE:ATTR)")
    try:
        return cast("OpenLauncher", getattr(import_module(module), attribute))
    except (ImportError, AttributeError) as error:
        raise StartError(f"the engine {name} cannot be loaded: {error}") from error
