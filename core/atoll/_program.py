"""The program: settings, plugins, the tree of commands and open connections; a process has only
one.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal, cast

from atoll._commands import CommandTree
from atoll._errors import AtollError, ConfigError, UsageError
from atoll._kept_aliases import Aliases
from atoll._node import PROGRAM_NAMES, program_name
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


# -P: files in the current folder must not be imported.
_JOB_COMMAND = (sys.executable, "-P", "-m", "atoll._job_process")

current_note: ContextVar[Callable[[str], None]] = ContextVar(
    "current_note", default=lambda _text: None
)
"""Prints a remark for the command that the running code belongs to; each text only once."""

current_ask: "ContextVar[Ask | None]" = ContextVar("current_ask", default=None)
"""Asks the user of the command that the running code belongs to; None if nobody can be asked."""


class Program:
    """The loaded program, which all three front doors use.

    `last_seconds` is how long the last command in the foreground took. `takes_plugins` is false if
    the program was made without loading plugins. `job_command` starts the process of a job.
    `show_progress` shows progress messages in a job.
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
        """Find and load plugins, and build the tree of commands; no connection is made yet."""
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
        """Whether commands behave like those of the official client: scripts that were written for
        it get the same JSON, and no further questions.
        """
        name = self.settings["behave_as"]
        return (program_name() if name == "auto" else name) != PROGRAM_NAMES[0]

    @property
    def is_plain(self) -> bool:
        """Whether the screen is only ever appended to, for screen readers for example."""
        return bool(self.settings["shell.plain"]) or self.environ.get("TERM") == "dumb"

    def output(self, **options: Any) -> "Output":
        """Make the output of one command."""
        from atoll.output import Output

        return Output(**self.output_options(), **options)

    def output_options(self) -> dict[str, Any]:
        """Return the options that are the same for all outputs."""
        return {
            "writer": self._writer,
            "color": "NO_COLOR" not in self.environ and not self.is_plain,
            "redraws": not self.is_plain,
            "default_format": self.settings["output"],
            "as_official": self.as_official,
            "show_progress": self.show_progress,
        }

    def check_format(self, name: str) -> None:
        """Raise UsageError for an unknown output format."""
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
        """Return the names of the offered profiles whose clusters run."""
        found = []
        for name, take in self._offers(_take_running).items():
            with suppress(AtollError):
                take(self.paths, warn)
                found.append(name)
        return found

    async def connect(
        self, name: str | None, say: Callable[[str], None], kept: Choice | None = None
    ) -> "Api":
        """Return the connection of a profile; it stays open for the next command. Nothing is sent
        yet.

        Without a `name`, it is the profile of the choice `kept`, else the one in use.
        """
        import trio

        choice = kept
        if choice is None or name:
            choice = await trio.to_thread.run_sync(self.target.of, name, kept)
        if choice.profile is None:
            # In a thread, because an offered profile may start a cluster while a prompt is on the
            # screen.
            profile = await trio.to_thread.run_sync(self.profile, choice, say)
        else:
            profile = self.profile(choice, say)
        self._require_loop(profile)
        return self._api(await self._complete(profile))

    async def connect_if_up(
        self, name: str | None = None, kept: Choice | None = None
    ) -> "Api | None":
        """Return the same connection, or None if a cluster would have to be started."""
        import trio

        try:
            profile = await trio.to_thread.run_sync(self.profile_if_up, name, kept)
            return self._api(await self._complete(profile))
        except AtollError:
            return None

    def profile_if_up(self, name: str | None, kept: Choice | None) -> "Profile":
        """Return the profile that a command would use; raises AtollError if a cluster would have to
        be started.
        """
        choice = self.target.of(name, kept)
        profile = taken(choice, self._offers(_take_running), self.settings, warn)
        # Imported here, in a thread, so that the prompt answers keys meanwhile.
        self.transports.find("request", profile).load()
        return profile

    def _require_loop(self, profile: "Profile") -> None:
        """Raise AtollError for a profile that needs asyncio, if this process has begun
        without it.
        """
        from atoll._runtime import has_asyncio

        if self.transports.use_asyncio(profile) and not has_asyncio():
            raise AtollError(
                f"profile {profile.name} needs asyncio, but this process has begun without it",
                hint="the next run can use it",
            )

    async def _complete(self, profile: "Profile") -> "Profile":
        """Let the dialer of a profile add what the remote machine knows, such as the keys."""
        if not profile.via:
            return profile
        if profile not in self._completed:
            from atoll._api.retries import with_retries

            self._import_early("request", profile)
            dialer = self._dialer(profile)
            ask = partial(dialer.complete, profile)
            completed = await with_retries(ask, safe=True, loopback=False)
            # The same dialer's connection is used for both.
            self._dialers[completed] = dialer
            self._completed[profile] = completed
        return self._completed[profile]

    def _api(self, profile: "Profile") -> "Api":
        if profile not in self._apis:
            from atoll._api import Api

            tell = partial(_report_slow, profile.endpoint)
            self._apis[profile] = Api(
                profile,
                self.transport,
                self.paths.cache,
                tell,
                current_ask.get,
                partial(self._import_early, "channel", profile),
            )
        return self._apis[profile]

    def _import_early(self, kind: Literal["request", "channel"], profile: "Profile") -> None:
        """Import the transport of this kind, in the time that the cluster takes to answer."""
        from atoll._early_imports import import_early

        provided = self.transports.look_up(kind, profile)
        # What another plugin does to the process while it is imported can be seen in one thread.
        if provided is not None and provided.origin.built_in:
            import_early(provided.load)

    def transport(self, kind: Literal["request", "channel"], profile: "Profile") -> Any:
        """Make a transport of this kind for a profile, over the dialer of its `via`.

        Raises ConfigError if no plugin offers one.
        """
        from atoll._guarded_transports import make_transport

        self.transports.check(profile)
        provided = self.transports.find(kind, profile)
        return make_transport(provided, profile, self._dialer(profile) if profile.via else None)

    def _dialer(self, profile: "Profile") -> "GuardedDialer":
        """Return the dialer of a profile, the same for all its transports."""
        if profile not in self._dialers:
            from atoll._guarded_transports import make_transport

            provided = self.transports.find("dial", profile)
            self._dialers[profile] = make_transport(provided, profile.via)
        return self._dialers[profile]

    def needs_asyncio(self) -> bool:
        """Tell whether trio must run as asyncio's guest, since the transport of a stored profile or
        of the chosen profile needs it. The chosen profile may not be stored any more.

        Any line may use any profile, and a running program can't switch to asyncio.
        """
        from atoll._profiles import ProfileStore, apply_environment

        store, made = ProfileStore(self.paths), self.target.made
        loads: list[Callable[[], Profile | None]] = [
            lambda: made.profile if made else None,
            *(partial(store.load, name) for name in store.names()),
            partial(apply_environment, None, self.environ),
        ]
        return any(map(self._goes_by_asyncio, loads))

    def _goes_by_asyncio(self, load: "Callable[[], Profile | None]") -> bool:
        try:
            profile = load()
            return profile is not None and self.transports.use_asyncio(profile)
        except AtollError:
            # The error is reported by a command that uses the profile.
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
    """Tell the user which cluster the running command waits for. Requests of the prompt itself are
    not reported.
    """
    current_note.get()(f"waiting for {endpoint} to answer …")


def _take(provided: Provided[ProfileOffer], paths: Paths, say: Callable[[str], None]) -> "Profile":
    """Make the profile of an offer; this may start a cluster."""
    with provided.guarded(_offer(provided)):
        profile = provided.load()(paths, say)
    return _profile_of(provided, profile)


def _take_running(
    provided: Provided[ProfileOffer], paths: Paths, say: Callable[[str], None]
) -> "Profile":
    """Make the profile of an offer without starting anything; raises ConfigError if that is not
    possible.
    """
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
    """Make the writer of a format; raises PluginError if it is no Writer."""
    from atoll.output import Writer

    doing = f"its format {provided.record.name!r}"
    with provided.guarded(doing):
        writer = make(*arguments, **options)
    if not isinstance(writer, Writer):
        raise PluginError(provided.origin, f"{doing} is no Writer")
    return writer
