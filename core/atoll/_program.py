"""Everything that is made once in a process: settings, plugins, the tree of commands, open
connections.
"""

import os
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

from atoll._commands import CommandTree
from atoll._errors import AtollError, ConfigError
from atoll._paths import Paths, close_to_others, let_owner_in
from atoll._plugins import Provided, Registry, Selection, discover, load_attribute
from atoll._records import ProfileOffer, Transport
from atoll._settings import Settings
from atoll.text import printable

if TYPE_CHECKING:
    from atoll._api import Api
    from atoll._profiles import Profile, ProfileStore
    from atoll.output import Output
    from atoll.transport import Ask, Dialer


current_note: ContextVar[Callable[[str], None]] = ContextVar(
    "current_note", default=lambda _text: None
)
"""Remarks on what happens to the command that the running code belongs to, each text once."""

current_ask: "ContextVar[Ask | None]" = ContextVar("current_ask", default=None)
"""How the user of the command that the running code belongs to is asked; None for nobody there."""


def warn(text: str) -> None:
    """Put a warning on standard error."""
    sys.stderr.write(f"atoll: {printable(text)}\n")


class Program:
    """The loaded program, the same behind all three front doors.

    `last_seconds` is how long the last foreground command took.
    """

    def __init__(self, registry: Registry, settings: Settings, environ: Mapping[str, str]) -> None:
        self.registry = registry
        self.settings = settings
        self.paths = settings.paths
        self.environ = environ
        self.tree = CommandTree(registry)
        self.last_seconds = 0.0
        self._apis: dict[Profile, Api] = {}
        self._dialers: dict[Profile, Dialer] = {}

    @classmethod
    def load(cls, *, plugins: bool = True, environ: Mapping[str, str] | None = None) -> "Program":
        """Find and load plugins, and build the tree of commands; nothing is connected yet."""
        env = os.environ if environ is None else environ
        paths = Paths.from_environment(env)
        let_owner_in()
        close_to_others(paths)
        registry = Registry(warn)
        registry.load(discover(paths), Selection.from_environment(env, none=not plugins))
        settings = Settings(paths, env)
        settings.declare([provided.record for provided in registry.collect("atoll_settings")])
        return cls(registry, settings, env)

    def output(self, **options: Any) -> "Output":
        """Make the output of one command."""
        from atoll.output import Output

        color = "NO_COLOR" not in self.environ and self.environ.get("TERM") != "dumb"
        return Output(self._writer, color=color, default_format=self.settings["output"], **options)

    def _writer(self, name: str) -> Any:
        formats = self.registry.by_name("atoll_formats", lambda record: [record.name])
        if name not in formats:
            raise ConfigError(f"no such output format: {name}", hint=f"one of {', '.join(formats)}")
        return _load(formats[name])

    def profile(self, name: str | None, say: Callable[[str], None]) -> "Profile":
        """Return the profile to use; this may start the embedded cluster."""
        offers = self.registry.by_name("atoll_profiles", lambda record: [record.name])
        makers = {name: _load(provided) for name, provided in offers.items()}
        return self.settings.profile(name, makers, say)

    async def connect(self, name: str | None, say: Callable[[str], None]) -> "Api":
        """Return the connection of a profile, kept for the next command; nothing is sent yet."""
        import trio

        # In a thread, because an offer may have a cluster to start while a prompt is being drawn.
        profile = await trio.to_thread.run_sync(self.profile, name, say)
        return self._api(profile)

    async def connect_if_up(self, name: str | None = None) -> "Api | None":
        """Return the connection of a profile, by default of the one in use, or None where that
        would start a cluster.
        """
        import trio

        try:
            profile = await trio.to_thread.run_sync(self._profile_if_up, name)
        except AtollError:
            return None
        return self._api(profile)

    def _profile_if_up(self, named: str | None) -> "Profile":
        offers = self.registry.by_name("atoll_profiles", lambda record: [record.name])
        running = {name: partial(_take_running, provided) for name, provided in offers.items()}
        profile = self.settings.profile(named, running, warn)
        # Imported here, in the thread that this runs in: the prompt answers keys meanwhile.
        _load(self._find_transport("request", profile.endpoint))
        return profile

    def _api(self, profile: "Profile") -> "Api":
        if profile not in self._apis:
            from atoll._api import Api

            tell = partial(_tell_silence, profile.endpoint)
            self._apis[profile] = Api(
                profile, self.transport, self.paths.cache, tell, current_ask.get
            )
        return self._apis[profile]

    def transport(self, kind: str, profile: "Profile") -> Any:
        """Make the transport of a kind for a profile's URL scheme, over the dialer of its `via`."""
        factory = _load(self._find_transport(kind, profile.endpoint))
        return factory(profile, self._dialer(profile) if profile.via else None)

    def _dialer(self, profile: "Profile") -> "Dialer":
        """Return the one dialer of a profile: all its transports share a connection."""
        if profile not in self._dialers:
            factory = _load(self._find_transport("dial", profile.via))
            self._dialers[profile] = factory(profile.via)
        return self._dialers[profile]

    def _find_transport(self, kind: str, url: str) -> Provided[Transport]:
        scheme = url.partition(":")[0]
        for provided in self.registry.collect("atoll_transports"):
            if provided.record.kind == kind and scheme in provided.record.schemes:
                return provided
        raise ConfigError(f"no plugin provides a {kind} transport for {scheme}://")

    def needs_asyncio(self) -> bool:
        """Tell whether trio must be asyncio's guest, since a stored profile goes through a dialer
        that wants it so. Any line may name any of them, and a loop once begun stays what it is.
        """
        from atoll._profiles import ProfileStore

        store = ProfileStore(self.paths)
        return any(self._goes_by_asyncio(store, name) for name in store.names())

    def _goes_by_asyncio(self, store: "ProfileStore", name: str) -> bool:
        try:
            via = store.load(name).via
            return bool(via) and self._find_transport("dial", via).record.asyncio
        except AtollError:
            # Whoever uses the profile is told.
            return False

    async def aclose(self) -> None:
        """Close all connections."""
        for api in self._apis.values():
            await api.aclose()
        self._apis.clear()


def _tell_silence(endpoint: str) -> None:
    """Say whom the running command waits for; what the prompt asks by itself says nothing."""
    current_note.get()(f"waiting for {endpoint} to answer …")


def _take_running(
    provided: Provided[ProfileOffer], paths: Paths, say: Callable[[str], None]
) -> "Profile":
    """Take an offer without starting anything; raises ConfigError when that is not possible."""
    record, origin = provided
    if record.running is None:
        profile: Profile | None = load_attribute(record.load, origin)(paths, say)
    else:
        profile = load_attribute(record.running, origin)(paths)
    if profile is None:
        raise ConfigError(f"{record.name} does not run")
    return profile


def _load(provided: Provided[Any]) -> Any:
    return load_attribute(provided.record.load, provided.origin)
