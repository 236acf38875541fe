"""Finds the transport for a profile, by the URL schemes of its endpoint and its `via`."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from attrs import Factory, frozen

from atoll._errors import ConfigError
from atoll._plugins import Provided, Registry
from atoll._records import Transport
from atoll.hookspecs import TRANSPORTS

if TYPE_CHECKING:
    from atoll._profiles import Profile

Kind = Literal["request", "channel", "dial"]
_LACKING = {
    "request": "no plugin serves {}:// endpoints",
    "channel": "no plugin opens channels to {}:// endpoints",
    "dial": "no plugin can connect through {}://",
}


@frozen(eq=False)
class Transports:
    """The transports that plugins offer.

    `preferred` returns the plugins that the user prefers. `warn` is called once for each plugin
    whose transport for a scheme is not used.
    """

    registry: Registry
    preferred: Callable[[], Sequence[str]]
    warn: Callable[[str], None]
    _reported: set[str] = Factory(set)

    def schemes(self, kind: Kind) -> list[str]:
        """Return the URL schemes for which there is a transport, sorted."""
        return sorted({scheme for one in self._offered(kind) for scheme in one.record.schemes})

    def find(self, kind: Kind, profile: "Profile") -> Provided[Transport]:
        """Return the transport of this kind for a profile; raises ConfigError, which lists the
        supported schemes.

        If several plugins support the scheme, the order is: the plugin that the profile's
        `transport` names, one that the user prefers, one that ships with atoll, the first.
        """
        if (found := self.look_up(kind, profile)) is None:
            served = ", ".join(f"{one}://" for one in self.schemes(kind))
            what = _LACKING[kind].format(_scheme(kind, profile))
            raise ConfigError(what, hint=f"served: {served or 'none'}")
        return found

    def use_asyncio(self, profile: "Profile") -> bool:
        """Tell whether a transport of the profile needs trio as asyncio's guest."""
        kinds: tuple[Kind, ...] = ("request", "channel", "dial")
        found = (self.look_up(kind, profile) for kind in kinds)
        return any(one is not None and one.record.asyncio for one in found)

    def check(self, profile: "Profile") -> None:
        """Raise ConfigError if there is no transport for a profile."""
        self.find("request", profile)
        if profile.via:
            self.find("dial", profile)
        if profile.transport:
            self._check_preference(profile)

    def _check_preference(self, profile: "Profile") -> None:
        scheme = _scheme("request", profile)
        offered = [*self._serving("request", scheme), *self._serving("channel", scheme)]
        names = list(dict.fromkeys(one.origin.name for one in offered))
        if profile.transport not in names:
            raise ConfigError(
                f"no plugin {profile.transport!r} is loaded that serves {scheme}:// endpoints",
                hint=f"transport may be {', '.join(names)}",
            )

    def look_up(self, kind: Kind, profile: "Profile") -> Provided[Transport] | None:
        """Return the transport; None if no plugin supports the scheme."""
        scheme = _scheme(kind, profile)
        serving = self._serving(kind, scheme)
        if len(serving) < 2:
            return next(iter(serving), None)
        for name in (profile.transport, *self.preferred()):
            if chosen := next((one for one in serving if one.origin.name == name), None):
                return chosen
        for other in serving[1:]:
            self._warn_once(f"{other.origin}: {scheme}:// is already served by {serving[0].origin}")
        return serving[0]

    def _warn_once(self, text: str) -> None:
        if text not in self._reported:
            self._reported.add(text)
            self.warn(text)

    def _serving(self, kind: Kind, scheme: str) -> list[Provided[Transport]]:
        found = [one for one in self._offered(kind) if scheme in one.record.schemes]
        return sorted(found, key=lambda one: not one.origin.built_in)

    def _offered(self, kind: Kind) -> Iterator[Provided[Transport]]:
        return (one for one in self.registry.collect(TRANSPORTS) if one.record.kind == kind)


def _scheme(kind: Kind, profile: "Profile") -> str:
    url = profile.via if kind == "dial" else profile.endpoint
    return url.partition(":")[0].lower()
