"""Records that plugins provide, each with its plugin."""

from typing import Any, Generic, NamedTuple, TypeVar

from atoll._plugins.guard import guarded, load_attribute
from atoll._plugins.origins import Origin
from atoll._timings import measured

R = TypeVar("R")


class Provided(NamedTuple, Generic[R]):
    """A record, and the plugin that provides it."""

    record: R
    origin: Origin

    def load(self, path: str = "") -> Any:
        """Import the object that the record's `load`, or another such path, names.

        Raises PluginError, which names the plugin, if that fails.
        """
        with measured(str(self.origin)):
            return load_attribute(path or self.record.load, self.origin)  # type: ignore[attr-defined]  # of records that have none, nothing is loaded

    def guarded(self, doing: str) -> guarded:
        """Guard calls of the loaded object: `with provided.guarded("its column 'load'"): …`.

        Any exception inside, also that of sys.exit, becomes a PluginError that names the plugin;
        only an AtollError passes unchanged.
        """
        return guarded(self.origin, doing)
