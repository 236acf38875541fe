"""The profile that lines use: it is chosen when a prompt, a script or a command begins.

Changes of profiles by other programs have no effect on it. Only `use` and the commands of `profile`
in this prompt or script change it. A prompt tells the user about changes by other programs.
"""

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from atoll._errors import AtollError, ConfigError, NotFound
from atoll._front_line import moved_line
from atoll._settings import Settings

if TYPE_CHECKING:
    from atoll._paths import Paths
    from atoll._profiles import Profile

    Offer = Callable[[Paths, Callable[[str], None]], Profile]


class NothingConfigured(ConfigError):
    """There is no profile."""


class SeveralProfiles(ConfigError):
    """There are several profiles, and none of them is in use."""


@frozen
class Choice:
    """A profile, as it was when it was chosen.

    A profile that a plugin offers has only a name here, since its cluster may have to be started.
    `problem` says why there is no profile, or why the one with this name can't be used.
    """

    name: str = ""
    profile: "Profile | None" = None
    problem: AtollError | None = None
    overlaid: bool = False
    """Whether environment variables change the profile when it is used."""

    @property
    def offered(self) -> bool:
        """Whether a plugin offers it."""
        return self.profile is None and self.problem is None


@frozen
class FixedTarget:
    """The profile for the lines of a job or of a running command, even if the prompt changes to
    another one meanwhile. `name` is the profile that was named, None if there is none.
    """

    name: str | None
    choice: Choice | None


fixed_target: ContextVar[FixedTarget | None] = ContextVar("fixed_target", default=None)
"""The fixed profile for the lines of the running code; None for the profile in use."""


@define
class Target:
    """The profile for lines that name none, in one prompt, script or command.

    `offered` returns the names of the profiles that plugins offer. All methods read files; the
    properties do not.
    """

    settings: Settings
    offered: Callable[[], list[str]]
    lasts: bool = False
    """Whether this is a prompt or a script, so that more lines may follow."""
    _choice: Choice | None = None
    _changed_to: str | None = None
    """The profile that the user has named by `use`."""
    _known: "_Known | None" = field(default=None, repr=False)

    @property
    def made(self) -> Choice | None:
        """The choice; None before it is made, or if the profile can't be used."""
        return None if self._choice is None or self._choice.problem else self._choice

    @property
    def name(self) -> str:
        """The name of the chosen profile; empty for none."""
        return self._choice.name if self._choice else ""

    @property
    def explicit(self) -> str | None:
        """The profile that was named by `use`, or by `--profile` of the program; None if there is
        none.
        """
        return self._changed_to or self.settings.profile_name

    def keep(self) -> FixedTarget:
        """Return the present choice, for a job or command that starts now."""
        moved = moved_line()
        kept = fixed_target.get() or (moved.target if moved else None)
        return kept or FixedTarget(self.explicit, self.made)

    def begin(self, choice: Choice | None = None) -> None:
        """Choose the profile for all lines of a prompt or script, or take the choice of the prompt
        that has started this job.
        """
        self.lasts = True
        if choice is None:
            self._again()
        else:
            self._choice = choice

    def choice(self) -> Choice:
        """Return the choice, and make it if necessary. A profile that could not be used is tried
        again.
        """
        if self._choice is None:
            self._choice = self._choose()
        elif self._choice.problem and self._choice.name:
            self._choice = self._in_use(self._choice.name)
        return self._choice

    def of(self, name: str | None, kept: Choice | None = None) -> Choice:
        """Return the choice for a line that names this profile, or none. `kept` is the choice at
        the start of a job.
        """
        kept = kept or self.choice()
        if not name:
            return kept
        return evolve(kept, overlaid=False) if name == kept.name else self.named(name)

    def named(self, name: str) -> Choice:
        """Return the choice for this name, as the profile is now."""
        from atoll._profiles import ProfileStore

        store = ProfileStore(self.settings.paths)
        try:
            if name in self.offered() and name not in store.names():
                return Choice(name)
            return Choice(name, store.load(name))
        except AtollError as error:
            return Choice(name, problem=error)

    def change_to(self, name: str) -> Choice:
        """Change to another profile. If it can't be used, raise its problem and change nothing."""
        choice = self.named(name)
        if choice.problem:
            raise choice.problem
        self._changed_to, self._choice = name, choice
        self._known = _Known.of(self)
        return choice

    def used(self) -> None:
        """Note that a command here has chosen another profile."""
        self._changed_to = None
        self._again()

    def saved(self, name: str) -> None:
        """Note that a command here has written a profile."""
        if self._choice is not None and name == self.name:
            self._choice = self._in_use(name)
            self._known = _Known.of(self)
        elif self._choice is not None and not self._choice.profile:
            from atoll._profiles import ProfileStore

            # The first stored profile replaces one that plugins offer.
            if ProfileStore(self.settings.paths).names() == [name]:
                self._again()

    def removed(self, name: str) -> None:
        """Note that a command here has removed a profile. If others are left, none is in use until
        the user names one.
        """
        from atoll._profiles import ProfileStore

        if name != self.name:
            return
        if not ProfileStore(self.settings.paths).names():
            self._changed_to = None
            self._again()
            return
        problem = NotFound(f"profile {name} was removed", hint="use NAME changes to another")
        self._choice = Choice(problem=problem)

    def changes(self) -> list[str]:
        """Return what other programs have changed since the last call, one text for each change."""
        if self._known is None:
            return []
        return list(self._known.changes(self))

    def _again(self) -> None:
        self._choice = self._choose()
        self._known = _Known.of(self)

    def _choose(self) -> Choice:
        environ = self.settings.environ
        if named := self.explicit or environ.get("ATOLL_PROFILE"):
            return self.named(named)
        try:
            return self._by_default()
        except AtollError as error:
            return Choice(problem=error)

    def _by_default(self) -> Choice:
        """Make the choice if no profile is named; raises ConfigError if none can be chosen."""
        from atoll._profiles import ProfileStore, apply_environment

        environ, store = self.settings.environ, ProfileStore(self.settings.paths)
        if not environ.get("BACKEND_ENDPOINT") and (current := store.current()):
            return self._in_use(current)
        if profile := apply_environment(None, environ):
            return Choice(profile.name, profile)
        if several := store.names():
            raise SeveralProfiles(
                f"there are several profiles, and none is in use: {', '.join(several)}",
                hint="use NAME chooses one here, atoll profile use NAME permanently"
                if self.lasts
                else "--profile NAME names one, atoll profile use NAME puts it in use",
            )
        for offer in self.offered():
            return Choice(offer)
        raise NothingConfigured(
            "no profile is configured", hint="atoll profile add NAME --endpoint URL"
        )

    def _in_use(self, name: str) -> Choice:
        """Return a profile as it is now. Environment variables change it, unless a line or an
        option has named it.
        """
        named = self.explicit or self.settings.environ.get("ATOLL_PROFILE")
        return evolve(self.named(name), overlaid=not named)


@define
class _Known:
    """The last known state of the files that other programs may change."""

    chosen: str | None
    stored: Choice
    marks: object

    @classmethod
    def of(cls, target: Target) -> "_Known | None":
        """Read the state; returns None if other programs can't change it."""
        from atoll._profiles import ENVIRONMENT, ProfileStore

        if not target.lasts or target.name == ENVIRONMENT:
            return None
        store = ProfileStore(target.settings.paths)
        marks = store.marks(target.name)
        return cls(_chosen(target), target.named(target.name), marks)

    def changes(self, target: Target) -> Iterator[str]:
        """Yield the changes since the last call."""
        from atoll._profiles import ProfileStore

        # This runs every second, so unchanged files are not read again.
        if ProfileStore(target.settings.paths).marks(target.name) == self.marks:
            return
        if (now := _Known.of(target)) is None:
            return
        before = evolve(self)
        self.chosen, self.stored, self.marks = now.chosen, now.stored, now.marks
        name = target.name or "no profile"
        if now.chosen != before.chosen and now.chosen not in (None, target.name):
            yield (
                f"profile {now.chosen} was put in use elsewhere; here it is still {name}"
                f" (use {now.chosen} changes to it)"
            )
        if target.made and before.stored.profile != now.stored.profile:
            yield _describe_change(name, now.stored)


def _describe_change(name: str, now: Choice) -> str:
    if now.profile:
        change = "was changed"
    elif isinstance(now.problem, NotFound):
        return f"profile {name} was removed elsewhere; here it stays as it was"
    else:
        change = "can't be read any more"
    return f"profile {name} {change} elsewhere; here it stays as it was (use {name} loads it)"


def _chosen(target: Target) -> str | None:
    from atoll._profiles import ProfileStore

    try:
        return ProfileStore(target.settings.paths).chosen()
    except ConfigError:
        return None


def taken(
    choice: Choice,
    offers: "Mapping[str, Offer]",
    settings: Settings,
    say: Callable[[str], None],
) -> "Profile":
    """Return the profile of a choice, and start the cluster of an offered one if necessary; raises
    the problem of the choice.
    """
    if choice.problem:
        raise choice.problem
    from atoll._profiles import apply_environment

    profile = choice.profile or offers[choice.name](settings.paths, say)
    if choice.overlaid:
        profile = apply_environment(profile, settings.environ) or profile
    return evolve(profile, verify_tls=False) if settings.skip_tls_check else profile
