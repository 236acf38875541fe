"""Finding plugins, loading each in its own guard, and collecting what they offer.

Plugins are modules named by entry points of the group `atoll.plugins`. A plugin that can't be used
costs one warning that names it, never the shell. The list of entry points is kept in the cache,
keyed by the times of the folders on `sys.path`, because asking every installed distribution takes
longer than most commands.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any, Generic, NamedTuple, TypeVar

import pluggy

from atoll import hookspecs
from atoll._errors import AtollError
from atoll._paths import Paths
from atoll._private_files import write_atomic

GROUP = "atoll.plugins"
OWN_DISTRIBUTION = "atoll"
R = TypeVar("R")


class Origin(NamedTuple):
    """Where a plugin comes from: its entry point's name and module, and its distribution."""

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


class Provided(NamedTuple, Generic[R]):
    """A record, and the plugin it came from."""

    record: R
    origin: Origin


class PluginError(AtollError):
    """A plugin failed where it was needed."""

    def __init__(self, origin: Origin, what: str) -> None:
        hint = (
            "please report this to atoll"
            if origin.built_in
            else "atoll --no-plugins goes on without it"
        )
        super().__init__(f"{origin}: {what}", hint=hint)


class Selection(NamedTuple):
    """Which third-party plugins may load: all, none, or those named. Built-in ones always do."""

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

    def allows(self, origin: Origin) -> bool:
        """Whether this plugin may be imported."""
        return origin.built_in or self.names is None or origin.name in self.names


class Registry:
    """The loaded plugins, and their records by kind.

    `skipped` holds the plugins that are installed but not used, by name, and why.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self.origins: dict[str, Origin] = {}
        self.skipped: dict[str, str] = {}
        self._warn = warn
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._collected: dict[str, list[Provided[Any]]] = {}

    def load(self, origins: Iterable[Origin], selection: Selection) -> None:
        """Import and register plugins: built-in ones first, then by name."""
        for origin in sorted(origins, key=lambda origin: (not origin.built_in, origin)):
            if not selection.allows(origin):
                self.skipped[origin.name] = "not selected"
            elif problem := self._load_one(origin):
                self.skipped[origin.name] = problem
                self._warn(f"{origin} is left out: {problem}")

    def _load_one(self, origin: Origin) -> str:
        if origin.name in self.origins:
            return f"the name is taken by {self.origins[origin.name]}"
        try:
            module = import_module(origin.module)
            self.register(module, origin)
        except pluggy.PluginValidationError as error:
            self._manager.unregister(name=origin.name)
            return str(error).splitlines()[-1].strip()
        except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever a plugin raises, the shell goes on
            return f"importing {origin.module} raised {type(error).__name__}: {error}"
        return ""

    def register(self, plugin: object, origin: Origin) -> None:
        """Register an imported plugin; raises PluginValidationError for a hook that does not
        exist.
        """
        self._manager.register(plugin, origin.name)
        self._manager.check_pending()
        self.origins[origin.name] = origin
        self._collected.clear()

    def collect(self, hook: str) -> list[Provided[Any]]:
        """Return the records of one hook, in order of registration; a hook that raises costs a
        warning.
        """
        if hook not in self._collected:
            self._collected[hook] = list(self._ask(hook))
        return self._collected[hook]

    def _ask(self, hook: str) -> Iterator[Provided[Any]]:
        # One call for each plugin, not pluggy's own loop: there, one that raises hides the others.
        implementations = {
            impl.plugin_name: impl for impl in getattr(self._manager.hook, hook).get_hookimpls()
        }
        for name, origin in self.origins.items():
            if name not in implementations:
                continue
            try:
                yield from [Provided(record, origin) for record in implementations[name].function()]
            except Exception as error:  # noqa: BLE001  # as above
                self._warn(f"{origin}: {hook} raised {type(error).__name__}: {error}")

    def by_name(self, hook: str, names: Callable[[Any], Iterable[str]]) -> dict[str, Provided[Any]]:
        """Return records by each of their names; the first to take a name keeps it."""
        taken: dict[str, Provided[Any]] = {}
        for provided in self.collect(hook):
            for name in names(provided.record):
                if (other := taken.setdefault(name, provided)) is not provided:
                    kind = type(provided.record).__name__.lower()
                    self._warn(
                        f"{provided.origin}: {kind} {name!r} is already provided by {other.origin}"
                    )
        return taken

    def hooks_of(self, name: str) -> list[str]:
        """Return the names of the hooks that a loaded plugin implements."""
        plugin = self._manager.get_plugin(name)
        return sorted(caller.name for caller in self._manager.get_hookcallers(plugin) or ())


def load_attribute(path: str, origin: Origin) -> Any:
    """Import what a record's `load` names; raises PluginError naming the plugin when that fails."""
    module, _, attribute = path.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except AtollError:
        raise
    except Exception as error:
        raise PluginError(
            origin, f"{path} can't be loaded: {type(error).__name__}: {error}"
        ) from error


def discover(paths: Paths) -> list[Origin]:
    """Return the plugins that are installed, from the cache when `sys.path` has not changed."""
    key = _path_key()
    cache = paths.cache / "plugins.json"
    # A cache that can't be read is no cache.
    with suppress(OSError, ValueError, KeyError, TypeError):
        stored = json.loads(cache.read_text(encoding="utf-8"))
        if stored["key"] == key:
            return [Origin(*entry) for entry in stored["plugins"]]
    found = sorted(_scan())
    entries = [[o.name, o.module, o.distribution, o.version] for o in found]
    # A home that can't be written makes the next start slower, no more.
    with suppress(OSError):
        write_atomic(cache, json.dumps({"key": key, "plugins": entries}))
    return found


def _path_key() -> list[list[Any]]:
    key: list[list[Any]] = [[sys.version]]
    for entry in sys.path:
        try:
            key.append([entry, os.stat(entry or ".").st_mtime_ns])  # noqa: PTH116  # one call, on the way of every start
        except OSError:
            continue
    return key


def _scan() -> Iterator[Origin]:
    from importlib.metadata import entry_points

    for entry in entry_points(group=GROUP):
        distribution = entry.dist
        name, version = (distribution.name, distribution.version) if distribution else ("?", "?")
        yield Origin(entry.name, entry.value, name, version)
