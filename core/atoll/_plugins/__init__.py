"""Finds plugins, loads each separately, and collects their records.

Plugins are modules that entry points of the group `atoll.plugins` name. If one can't be used, a
warning names it; the shell works without it.
"""

from atoll._plugins.checks import problem_in
from atoll._plugins.ctrl_c import noting_presses
from atoll._plugins.discovery import Damaged, discover
from atoll._plugins.guard import contained, culprit, drop, guarded, load_attribute
from atoll._plugins.origins import OWN_DISTRIBUTION, Origin, PluginError, Selection
from atoll._plugins.provided import Provided
from atoll._plugins.registry import Registry

__all__ = [
    "OWN_DISTRIBUTION",
    "Damaged",
    "Origin",
    "PluginError",
    "Provided",
    "Registry",
    "Selection",
    "contained",
    "culprit",
    "discover",
    "drop",
    "guarded",
    "load_attribute",
    "noting_presses",
    "problem_in",
]
