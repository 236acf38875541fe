"""Which cluster lines go to: chosen when a prompt, a script or a command begins, and kept.

What is done to profiles elsewhere turns no line to another cluster. Only what is done here does:
`use`, and the commands of `profile`. A prompt tells of the rest.
"""

from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from atoll._errors import AtollError, ConfigError, NotFound
from atoll._settings import Settings

if TYPE_CHECKING:
    from atoll._paths import Paths
    from atoll._profiles import Profile

    Offer = Callable[[Paths, Callable[[str], None]], Profile]


class NothingConfigured(ConfigError):
    """There is no profile at all."""


class SeveralProfiles(ConfigError):
    """There are several profiles, and nothing says which."""


@frozen
class Choice:
    """A profile, as it was when it was chosen.

    One that a plugin offers has a name alone, since its cluster may have to be started. `problem`
    is why there is none; with a name, that of a profile that can't be used.
    """

    name: str = ""
    profile: "Profile | None" = None
    problem: AtollError | None = None
    overlaid: bool = False
    """Whether the environment has a say in it when it is used."""

    @property
    def offered(self) -> bool:
        """Whether a plugin offers it."""
        return self.profile is None and self.problem is None


@frozen
class Kept:
    """Where the lines of a job go, or those that a command runs: as when that began, whatever the
    prompt turns to meanwhile. `name` is the profile that was named, if one was.
    """

    name: str | None
    choice: Choice | None


kept_target: ContextVar[Kept | None] = ContextVar("kept_target", default=None)
"""Where the running code's lines go; None where that is what is in use."""


@define
class Target:
    """What the lines of one prompt, script or command go to that name no profile themselves.

    `offered` names what plugins offer. All but the properties read files.
    """

    settings: Settings
    offered: Callable[[], list[str]]
    lasts: bool = False
    """Whether there is a prompt or a script, in which more lines may follow."""
    _choice: Choice | None = None
    _turned: str | None = None
    """What `use` has turned to."""
    _known: "_Known | None" = field(default=None, repr=False)

    @property
    def made(self) -> Choice | None:
        """The choice, if it was made and can be used."""
        return None if self._choice is None or self._choice.problem else self._choice

    @property
    def name(self) -> str:
        """The name of what was chosen; empty where nothing is."""
        return self._choice.name if self._choice else ""

    @property
    def explicit(self) -> str | None:
        """The profile that `use` or the start of the program has named, if one has."""
        return self._turned or self.settings.profile_name

    def keep(self) -> Kept:
        """Return where lines go now, for what goes on meanwhile."""
        return kept_target.get() or Kept(self.explicit, self.made)

    def begin(self, choice: Choice | None = None) -> None:
        """Choose for all lines of a prompt or a script, or keep what a prompt has chosen for this
        job of it.
        """
        self.lasts = True
        if choice is None:
            self._again()
        else:
            self._choice = choice

    def choice(self) -> Choice:
        """Return what was chosen, or choose now; a profile that could not be used is tried anew."""
        if self._choice is None:
            self._choice = self._choose()
        elif self._choice.problem and self._choice.name:
            self._choice = self._in_use(self._choice.name)
        return self._choice

    def of(self, name: str | None, kept: Choice | None = None) -> Choice:
        """Return where a line goes that names this profile, or none; it may have `kept` the choice
        of the time when it began.
        """
        kept = kept or self.choice()
        if not name:
            return kept
        return evolve(kept, overlaid=False) if name == kept.name else self.named(name)

    def named(self, name: str) -> Choice:
        """Return a profile, as it is now."""
        from atoll._profiles import ProfileStore

        store = ProfileStore(self.settings.paths)
        try:
            if name in self.offered() and name not in store.names():
                return Choice(name)
            return Choice(name, store.load(name))
        except AtollError as error:
            return Choice(name, problem=error)

    def turn(self, name: str) -> Choice:
        """Turn to another profile; raises what is wrong with it, and then nothing has changed."""
        choice = self.named(name)
        if choice.problem:
            raise choice.problem
        self._turned, self._choice = name, choice
        self._known = _Known.of(self)
        return choice

    def used(self) -> None:
        """Note that another profile was put in use from here."""
        self._turned = None
        self._again()

    def saved(self, name: str) -> None:
        """Note that a profile was written from here."""
        if self._choice is not None and name == self.name:
            self._choice = self._in_use(name)
            self._known = _Known.of(self)
        elif self._choice is not None and not self._choice.profile:
            from atoll._profiles import ProfileStore

            # The first profile takes the place of what is offered, or of nothing.
            if ProfileStore(self.settings.paths).names() == [name]:
                self._again()

    def removed(self, name: str) -> None:
        """Note that a profile was removed from here. Where others are left, none of them takes its
        place by itself.
        """
        from atoll._profiles import ProfileStore

        if name != self.name:
            return
        if not ProfileStore(self.settings.paths).names():
            self._turned = None
            self._again()
            return
        gone = NotFound(f"profile {name} was removed", hint="use NAME turns to another")
        self._choice = Choice(problem=gone)

    def news(self) -> list[str]:
        """Return what was done elsewhere since the last call that somebody here should know."""
        if self._known is None:
            return []
        return list(self._known.news(self))

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
        """Choose where no profile is named; raises ConfigError where nothing can be chosen."""
        from atoll._profiles import ProfileStore, apply_environment

        environ, store = self.settings.environ, ProfileStore(self.settings.paths)
        if not environ.get("BACKEND_ENDPOINT") and (current := store.current()):
            return self._in_use(current)
        if profile := apply_environment(None, environ):
            return Choice(profile.name, profile)
        if several := store.names():
            raise SeveralProfiles(
                f"there are several profiles, and none is in use: {', '.join(several)}",
                hint="use NAME turns to one, atoll profile use NAME for good"
                if self.lasts
                else "--profile NAME names one, atoll profile use NAME puts it in use",
            )
        for offer in self.offered():
            return Choice(offer)
        raise NothingConfigured(
            "no profile is configured", hint="atoll profile add NAME --endpoint URL"
        )

    def _in_use(self, name: str) -> Choice:
        """Return a profile as it is now, with what the environment has to say of one that no line
        and no option names.
        """
        named = self.explicit or self.settings.environ.get("ATOLL_PROFILE")
        return evolve(self.named(name), overlaid=not named)


@define
class _Known:
    """What is known here of what others may change."""

    chosen: str | None
    stored: Choice
    marks: object

    @classmethod
    def of(cls, target: Target) -> "_Known | None":
        """Look at what there is; None where others have no say."""
        from atoll._profiles import ENVIRONMENT, ProfileStore

        if not target.lasts or target.name == ENVIRONMENT:
            return None
        store = ProfileStore(target.settings.paths)
        marks = store.marks(target.name)
        return cls(_chosen(target), target.named(target.name), marks)

    def news(self, target: Target) -> Iterator[str]:
        """Yield what has changed, and know it from now on."""
        from atoll._profiles import ProfileStore

        # Looked at every second: what was not written anew is not read again.
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
            yield _fate(name, now.stored)


def _fate(name: str, now: Choice) -> str:
    if now.profile:
        change = "was changed"
    elif isinstance(now.problem, NotFound):
        return f"profile {name} was removed elsewhere; here it stays as it was"
    else:
        change = "can't be read any more"
    return f"profile {name} {change} elsewhere; here it stays as it was (use {name} takes it anew)"


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
    """Return the profile of a choice, taking what a plugin offers; raises what is wrong with it."""
    if choice.problem:
        raise choice.problem
    from atoll._profiles import apply_environment

    profile = choice.profile or offers[choice.name](settings.paths, say)
    if choice.overlaid:
        profile = apply_environment(profile, settings.environ) or profile
    return evolve(profile, verify_tls=False) if settings.skip_tls_check else profile
