"""The origins of plugins, and the selection of those that may load."""

from collections.abc import Mapping
from typing import NamedTuple

from atoll._errors import AtollError

OWN_DISTRIBUTION = "atoll"


class Origin(NamedTuple):
    """Where a plugin comes from: the name and module of its entry point, and its distribution."""

    name: str
    module: str
    distribution: str
    version: str

    @property
    def built_in(self) -> bool:
        """Whether it ships with atoll itself."""
        return self.distribution == OWN_DISTRIBUTION

    def __str__(self) -> str:
        return f"plugin {self.name!r} ({self.distribution} {self.version})"


class PluginError(AtollError):
    """A plugin failed when it was called: `origin` is the plugin, `what` says how it failed."""

    def __init__(self, origin: Origin, what: str) -> None:
        hint = (
            "please report this to atoll" if origin.built_in else "atoll --no-plugins leaves it out"
        )
        super().__init__(f"{origin}: {what}", hint=hint)
        self.origin = origin
        self.what = what


class Selection(NamedTuple):
    """Which third-party plugins may be loaded: all, none, or those that are named. Built-in plugins
    always may.
    """

    names: frozenset[str] | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, none: bool = False) -> "Selection":
        """Read `ATOLL_PLUGINS=a,b` (empty: none); `none` is `--no-plugins`."""
        if none:
            return cls(frozenset())
        listed = environ.get("ATOLL_PLUGINS")
        if listed is None:
            return cls()
        return cls(frozenset(name.strip() for name in listed.split(",") if name.strip()))

    @property
    def is_empty(self) -> bool:
        """Whether no third party's plugin may be loaded, so that no search for them is needed."""
        return self.names is not None and not self.names

    def allows(self, origin: Origin) -> bool:
        """Whether this plugin may be imported."""
        return origin.built_in or self.names is None or origin.name in self.names
