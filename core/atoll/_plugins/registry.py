"""The loaded plugins, and the records that they provide."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from typing import Any, NamedTuple, TypeVar

import pluggy

from atoll._errors import AtollError
from atoll._plugins.checks import problem_with, records_in
from atoll._plugins.discovery import Damaged
from atoll._plugins.guard import contained, guarded, isolated
from atoll._plugins.names import share_names
from atoll._plugins.origins import OWN_DISTRIBUTION, Origin, PluginError, Selection
from atoll._plugins.provided import Provided
from atoll._timings import measured
from atoll._version import __version__
from atoll.hookspecs import CORE_HOOKS, HOOKS, PROJECT, Hook

R = TypeVar("R")


_CORE = Origin("atoll", "atoll", OWN_DISTRIBUTION, __version__)


class _Answers(NamedTuple):
    """The records for a hook, in order and by name."""

    records: list[Provided[Any]]
    named: dict[str, Provided[Any]]


class Registry:
    """The loaded plugins, and their records by hook.

    `skipped` holds the plugins that are installed but not used, and the reasons. `preferred`
    returns the names of the plugins that keep a name which several offer. Pluggy finds and stores
    implementations. They are called one by one here, since in pluggy's own loop an implementation
    that raises hides the others.
    """

    def __init__(
        self, warn: Callable[[str], None], preferred: Callable[[], Sequence[str]] = lambda: ()
    ) -> None:
        self.origins: dict[str, Origin] = {}
        self.skipped: dict[Origin, str] = {}
        self.damaged: Sequence[Damaged] = ()
        self._warn = warn
        self._preferred = preferred
        self._manager = pluggy.PluginManager(PROJECT)
        self._answers: dict[str, _Answers] = {}
        self._asking = threading.RLock()

    def load(
        self, origins: Iterable[Origin], selection: Selection, damaged: Sequence[Damaged] = ()
    ) -> None:
        """Import and register plugins: built-in ones first, then by name."""
        self.damaged = damaged
        for one in damaged:
            self._warn(str(one))
        for origin in sorted(origins, key=lambda origin: (not origin.built_in, origin)):
            if not selection.allows(origin):
                self.skipped[origin] = "not selected"
            elif problem := self._load_one(origin):
                self.skipped[origin] = problem
                self._warn(f"{origin} is left out: {problem}")
        self.check_hooks()

    def _load_one(self, origin: Origin) -> str:
        if origin.name in self.origins:
            return f"the name is taken by {self.origins[origin.name]}"
        doing = f"importing {origin.module}"
        try:
            with (
                measured(str(origin)),
                guarded(origin, doing),
                isolated(origin, doing, self._warn, descriptors=True),
            ):
                module = import_module(origin.module)
            self.register(module, origin)
        except PluginError as error:
            return error.what
        except AtollError as error:
            return f"{doing} raised {error}"
        return ""

    def register(self, plugin: object, origin: Origin) -> None:
        """Register an imported plugin; raises PluginError if its hooks can't be read."""
        if (other := self._manager.get_name(plugin)) is not None:
            raise PluginError(origin, f"{origin.module} is {self.origins[other]} already")
        try:
            with guarded(origin, "looking for its hooks"):
                self._manager.register(plugin, origin.name)
        except PluginError:
            if self._manager.has_plugin(origin.name):
                self._manager.unregister(name=origin.name)
            raise
        self.origins[origin.name] = origin
        self._answers.clear()

    def check_hooks(self) -> None:
        """Warn of implementations that can't be used. Call it after all plugins are loaded, since
        any of them may offer a hook.
        """
        for name, origin in self.origins.items():
            for caller in self._manager.get_hookcallers(self._manager.get_plugin(name)) or ():
                for one in caller.get_hookimpls():
                    if one.plugin_name == name and (problem := self._refusal(caller.name, one)):
                        self._warn(f"{origin}: {problem}")

    def _refusal(self, hook: str, implementation: pluggy.HookImpl) -> str:
        """Return why an implementation is not used; empty if it is used, or optional."""
        if hook not in self.hooks:
            unknown = f"there is no hook {hook}{_near(hook, self.hooks)}"
            return "" if implementation.optionalhook else unknown
        for option in ("wrapper", "hookwrapper"):
            if getattr(implementation, option):
                return f"{hook} is left out: hooks have no wrappers ({option}=True)"
        if implementation.argnames:
            return f"{hook} is left out: hooks take no parameters"
        return ""

    @property
    def hooks(self) -> dict[str, Hook[Any]]:
        """All hooks by name: core's, and those that plugins offer."""
        return {name: provided.record for name, provided in self.named(HOOKS).items()}

    def collect(self, hook: Hook[R]) -> list[Provided[R]]:
        """Return the records of a hook in order: those of plugins marked `tryfirst`, of others,
        then `trylast`, each in order of loading.

        For each plugin with unusable records there is one warning.
        """
        return self._answers_of(hook).records

    def named(self, hook: Hook[R]) -> dict[str, Provided[R]]:
        """Return the records of a hook by each name that they take."""
        return self._answers_of(hook).named

    def _answers_of(self, hook: Hook[Any]) -> _Answers:
        if hook.name in self._answers:
            return self._answers[hook.name]
        # The prompt calls this from several threads; each warning is printed only once.
        with self._asking:
            return self._answers.get(hook.name) or self._collect(hook)

    def _collect(self, hook: Hook[Any]) -> _Answers:
        ranked = list(self._ask(hook))
        # Whatever their rank, third parties can't take a name of a plugin that ships with atoll.
        candidates = sorted(ranked, key=lambda one: (not one[1].origin.built_in, one[0]))
        named = share_names(hook, [one for _, one in candidates], self._preferred, self._warn)
        keep = {id(one) for one in named.values()}
        ordered = [one for _, one in sorted(ranked, key=lambda one: one[0])]
        if hook.names:
            ordered = [one for one in ordered if id(one) in keep]
        self._answers[hook.name] = _Answers(ordered, named)
        return self._answers[hook.name]

    def _ask(self, hook: Hook[Any]) -> Iterator[tuple[int, Provided[Any]]]:
        """Yield the records of plugins in order of loading, each with its rank."""
        if hook is HOOKS:
            yield from ((1, Provided(one, _CORE)) for one in CORE_HOOKS)
        caller = getattr(self._manager.hook, hook.name, None)
        found = caller.get_hookimpls() if caller else []
        for name, origin in self.origins.items():
            for one in found:
                if one.plugin_name == name and not (one.hookwrapper or one.wrapper or one.argnames):
                    rank = 0 if one.tryfirst else 2 if one.trylast else 1
                    yield from ((rank, record) for record in self._call(hook, one, origin))

    def _call(
        self, hook: Hook[Any], implementation: pluggy.HookImpl, origin: Origin
    ) -> list[Provided[Any]]:
        """Call an implementation; the records before an error are used."""
        given: list[object] = []
        with (
            measured(str(origin)),
            contained(origin, hook.name, self._warn),
            isolated(origin, hook.name, self._warn),
        ):
            for record in records_in(implementation.function(), hook, origin):
                given.append(record)  # noqa: PERF402  # one by one: those before an error are good
        good: list[Provided[Any]] = []
        problems: list[str] = []
        with contained(origin, f"what {hook.name} gave", self._warn):
            for record in given:
                if problem := problem_with(record, hook):
                    problems.append(problem)
                else:
                    good.append(Provided(record, origin))
        if problems:
            self._warn(f"{origin}: {hook.name}: {'; '.join(dict.fromkeys(problems))}")
        return good

    def hooks_of(self, name: str) -> list[str]:
        """Return the names of the hooks that a loaded plugin implements."""
        plugin = self._manager.get_plugin(name)
        return sorted(caller.name for caller in self._manager.get_hookcallers(plugin) or ())


def _near(name: str, known: Iterable[str]) -> str:
    """Return a hint with the hook that was probably meant; the common prefix of all names is
    ignored.
    """
    import difflib

    bare = {one.partition("_")[2]: one for one in known}
    close = difflib.get_close_matches(name.partition("_")[2], bare, n=1)
    return f": did you mean {bare[close[0]]}?" if close else ""
