"""Everything that is made once in a process: settings, plugins, the tree of commands, open
connections.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal, cast

from atoll._commands import PROGRAM_NAMES, CommandTree, program_name
from atoll._errors import AtollError, ConfigError, UsageError
from atoll._kept_aliases import Aliases
from atoll._paths import Paths, ensure_owner_access, restrict_to_owner
from atoll._plugins import (
    PluginError,
    Provided,
    Registry,
    Selection,
    contained,
    discover,
    noting_presses,
    problem_in,
)
from atoll._records import Format, ProfileOffer
from atoll._settings import Settings
from atoll._target import Choice, Target, taken
from atoll._transports import Transports
from atoll._warnings import warn
from atoll.hookspecs import FORMATS, PROFILES, SETTINGS

if TYPE_CHECKING:
    from atoll._api import Api
    from atoll._guarded_transports import GuardedDialer
    from atoll._profiles import Profile
    from atoll._target import Offer
    from atoll._variables import Variables
    from atoll.output import Output
    from atoll.transport import Ask


# -P: what lies in the current folder is no part of the program.
_JOB_COMMAND = (sys.executable, "-P", "-m", "atoll._job_process")

current_note: ContextVar[Callable[[str], None]] = ContextVar(
    "current_note", default=lambda _text: None
)
"""Remarks on what happens to the command that the running code belongs to, each text once."""

current_ask: "ContextVar[Ask | None]" = ContextVar("current_ask", default=None)
"""How the user of the command that the running code belongs to is asked; None for nobody there."""


class Program:
    """The loaded program, the same behind all three front doors.

    `last_seconds` is how long the last foreground command took. `takes_plugins` is false where no
    plugins were loaded. `job_command` starts the process of a job, `show_progress` is where a job
    tells of its own.
    """

    def __init__(self, registry: Registry, settings: Settings, environ: Mapping[str, str]) -> None:
        self.registry = registry
        self.settings = settings
        self.paths = settings.paths
        self.environ = environ
        self.tree = CommandTree(registry)
        self.target = Target(settings, lambda: list(registry.named(PROFILES)))
        self.aliases = Aliases(self.paths.config / "aliases.yaml")
        self.transports = Transports(registry, settings.preferred_plugins, warn)
        self.last_seconds = 0.0
        self.takes_plugins = True
        self.job_command: Sequence[str] = _JOB_COMMAND
        self.show_progress: Callable[[str], None] | None = None
        self._apis: dict[Profile, Api] = {}
        self._dialers: dict[Profile, GuardedDialer] = {}
        self._completed: dict[Profile, Profile] = {}

    @classmethod
    def load(cls, *, plugins: bool = True, environ: Mapping[str, str] | None = None) -> "Program":
        """Find and load plugins, and build the tree of commands; nothing is connected yet."""
        env = os.environ if environ is None else environ
        paths = Paths.from_environment(env)
        ensure_owner_access()
        restrict_to_owner(paths)
        settings = Settings(paths, env)
        registry = Registry(warn, settings.preferred_plugins)
        selection = Selection.from_environment(env, none=not plugins)
        with noting_presses():
            installed = discover(third_parties=not selection.is_empty)
            registry.load(installed.origins, selection, installed.damaged)
            settings.declare([provided.record for provided in registry.collect(SETTINGS)])
            program = cls(registry, settings, env)
        program.takes_plugins = plugins
        return program

    @cached_property
    def variables(self) -> "Variables":
        """The variables of this prompt or script."""
        from atoll._variables import Variables

        return Variables(self.environ)

    @property
    def as_official(self) -> bool:
        """Whether this stands in for Backend.AI's own client: scripts written for that one find its
        JSON, and are asked nothing that it does not ask.
        """
        name = self.settings["behave_as"]
        return (program_name() if name == "auto" else name) != PROGRAM_NAMES[0]

    @property
    def is_plain(self) -> bool:
        """Whether lines are only ever added to the screen, as where it is read aloud."""
        return bool(self.settings["shell.plain"]) or self.environ.get("TERM") == "dumb"

    def output(self, **options: Any) -> "Output":
        """Make the output of one command."""
        from atoll.output import Output

        return Output(**self.output_options(), **options)

    def output_options(self) -> dict[str, Any]:
        """Return the options of outputs that are the same for all commands."""
        return {
            "writer": self._writer,
            "color": "NO_COLOR" not in self.environ and not self.is_plain,
            "redraws": not self.is_plain,
            "default_format": self.settings["output"],
            "as_official": self.as_official,
            "show_progress": self.show_progress,
        }

    def check_format(self, name: str) -> None:
        """Raise UsageError for a format of output that there is not."""
        formats = self.registry.named(FORMATS)
        if name and name not in formats:
            raise UsageError(f"no such output format: {name}", hint=f"one of {', '.join(formats)}")

    def _writer(self, name: str) -> Any:
        formats = self.registry.named(FORMATS)
        if name not in formats:
            raise ConfigError(f"no such output format: {name}", hint=f"one of {', '.join(formats)}")
        return partial(_make_writer, formats[name], formats[name].load())

    def profile(self, choice: Choice, say: Callable[[str], None]) -> "Profile":
        """Return the profile of a choice; this may start the embedded cluster."""
        return taken(choice, self._offers(_take), self.settings, say)

    def _offers(self, take: Callable[..., "Profile"]) -> "Mapping[str, Offer]":
        offers = self.registry.named(PROFILES)
        return {name: partial(take, provided) for name, provided in offers.items()}

    def running_offers(self) -> list[str]:
        """Return the names of the offers whose clusters run."""
        found = []
        for name, take in self._offers(_take_running).items():
            with suppress(AtollError):
                take(self.paths, warn)
                found.append(name)
        return found

    async def connect(
        self, name: str | None, say: Callable[[str], None], kept: Choice | None = None
    ) -> "Api":
        """Return the connection of a profile, kept for the next command; nothing is sent yet.

        Where no profile is named, it is that of the choice that was `kept`, or else of the one in
        use.
        """
        import trio

        choice = kept
        if choice is None or name:
            choice = await trio.to_thread.run_sync(self.target.of, name, kept)
        if choice.profile is None:
            # In a thread, because an offer may have a cluster to start while a prompt is drawn.
            profile = await trio.to_thread.run_sync(self.profile, choice, say)
        else:
            profile = self.profile(choice, say)
        self._require_loop(profile)
        return self._api(await self._complete(profile))

    async def connect_if_up(
        self, name: str | None = None, kept: Choice | None = None
    ) -> "Api | None":
        """Return the same connection, or None where that would start a cluster."""
        import trio

        try:
            profile = await trio.to_thread.run_sync(self.profile_if_up, name, kept)
            return self._api(await self._complete(profile))
        except AtollError:
            return None

    def profile_if_up(self, name: str | None, kept: Choice | None) -> "Profile":
        """Return the profile that a command would go to; raises AtollError where that would start
        a cluster.
        """
        choice = self.target.of(name, kept)
        profile = taken(choice, self._offers(_take_running), self.settings, warn)
        # Imported here, in the thread that this runs in: the prompt answers keys meanwhile.
        self.transports.find("request", profile).load()
        return profile

    def _require_loop(self, profile: "Profile") -> None:
        """Raise AtollError for a profile that a script has added, and that it can't use itself."""
        from atoll._runtime import has_asyncio

        if self.transports.use_asyncio(profile) and not has_asyncio():
            raise AtollError(
                f"profile {profile.name} needs asyncio, which this run has begun without",
                hint="the next run can use it",
            )

    async def _complete(self, profile: "Profile") -> "Profile":
        """Have the dialer of a profile add what only the far side knows, such as the keys."""
        if not profile.via:
            return profile
        if profile not in self._completed:
            from atoll._api.retries import with_retries

            dialer = self._dialer(profile)
            ask = partial(dialer.complete, profile)
            completed = await with_retries(ask, safe=True, loopback=False)
            # One connection serves both.
            self._dialers[completed] = dialer
            self._completed[profile] = completed
        return self._completed[profile]

    def _api(self, profile: "Profile") -> "Api":
        if profile not in self._apis:
            from atoll._api import Api

            tell = partial(_report_slow, profile.endpoint)
            self._apis[profile] = Api(
                profile, self.transport, self.paths.cache, tell, current_ask.get
            )
        return self._apis[profile]

    def transport(self, kind: Literal["request", "channel"], profile: "Profile") -> Any:
        """Make the transport of a kind for a profile, over the dialer of its `via`.

        Raises ConfigError when no plugin offers one.
        """
        from atoll._guarded_transports import make_transport

        self.transports.check(profile)
        provided = self.transports.find(kind, profile)
        return make_transport(provided, profile, self._dialer(profile) if profile.via else None)

    def _dialer(self, profile: "Profile") -> "GuardedDialer":
        """Return the one dialer of a profile: all its transports share a connection."""
        if profile not in self._dialers:
            from atoll._guarded_transports import make_transport

            provided = self.transports.find("dial", profile)
            self._dialers[profile] = make_transport(provided, profile.via)
        return self._dialers[profile]

    def needs_asyncio(self) -> bool:
        """Tell whether trio must be asyncio's guest, since a stored profile goes by a transport
        that wants it so. Any line may name any of them, and a loop once begun stays what it is.
        """
        from atoll._profiles import ProfileStore, apply_environment

        store = ProfileStore(self.paths)
        loads: list[Callable[[], Profile | None]] = [
            *(partial(store.load, name) for name in store.names()),
            partial(apply_environment, None, self.environ),
        ]
        return any(map(self._goes_by_asyncio, loads))

    def _goes_by_asyncio(self, load: "Callable[[], Profile | None]") -> bool:
        try:
            profile = load()
            return profile is not None and self.transports.use_asyncio(profile)
        except AtollError:
            # Whoever uses the profile is told.
            return False

    async def aclose(self) -> None:
        """Close all connections."""
        for profile, api in self._apis.items():
            if provided := self.transports.look_up("request", profile):
                with contained(provided.origin, "closing its connections", warn):
                    await api.aclose()
        self._apis.clear()
        self._completed.clear()


def _report_slow(endpoint: str) -> None:
    """Say whom the running command waits for; what the prompt asks by itself says nothing."""
    current_note.get()(f"waiting for {endpoint} to answer …")


def _take(provided: Provided[ProfileOffer], paths: Paths, say: Callable[[str], None]) -> "Profile":
    """Take an offer, which may start a cluster."""
    with provided.guarded(_offer(provided)):
        profile = provided.load()(paths, say)
    return _profile_of(provided, profile)


def _take_running(
    provided: Provided[ProfileOffer], paths: Paths, say: Callable[[str], None]
) -> "Profile":
    """Take an offer without starting anything; raises ConfigError when that is not possible."""
    running = provided.record.running
    if running is None:
        return _take(provided, paths, say)
    with provided.guarded(_offer(provided)):
        profile = provided.load(running)(paths)
    if profile is None:
        raise ConfigError(f"{provided.record.name} does not run")
    return _profile_of(provided, profile)


def _offer(provided: Provided[ProfileOffer]) -> str:
    return f"its profile offer {provided.record.name!r}"


def _profile_of(provided: Provided[ProfileOffer], profile: object) -> "Profile":
    from atoll._profiles import Profile

    if problem := problem_in(profile, Profile):
        raise PluginError(provided.origin, f"{_offer(provided)}: {problem}")
    return cast("Profile", profile)


def _make_writer(provided: Provided[Format], make: Any, *arguments: Any, **options: Any) -> Any:
    """Make a format's writer, and see that it is one."""
    from atoll.output import Writer

    doing = f"its format {provided.record.name!r}"
    with provided.guarded(doing):
        writer = make(*arguments, **options)
    if not isinstance(writer, Writer):
        raise PluginError(provided.origin, f"{doing} is no Writer")
    return writer
