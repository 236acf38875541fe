"""What plugins have provided: each record, with the plugin it came from."""

from typing import Any, Generic, NamedTuple, TypeVar

from atoll._plugins.guard import guarded, load_attribute
from atoll._plugins.origins import Origin
from atoll._timings import measured

R = TypeVar("R")


class Provided(NamedTuple, Generic[R]):
    """A record, and the plugin it came from."""

    record: R
    origin: Origin

    def load(self, path: str = "") -> Any:
        """Import what the record's `load`, or another path of that form, names.

        Raises PluginError, which names the plugin, when that fails.
        """
        with measured(str(self.origin)):
            return load_attribute(path or self.record.load, self.origin)  # type: ignore[attr-defined]  # of records that have none, nothing is loaded

    def guarded(self, doing: str) -> guarded:
        """Guard calls of what was loaded: `with provided.guarded("its column 'load'"): …`.

        Whatever is raised inside, sys.exit included, becomes a PluginError that names the plugin;
        only an AtollError is raised as it is.
        """
        return guarded(self.origin, doing)
