"""The services of a session that tunnels lead to."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from attrs import evolve, frozen

from atoll import NotFound
from atoll.reading import record
from atoll.urls import path

if TYPE_CHECKING:
    from atoll import Api

_MISSING = "x-atoll-missing-services"
"""A header of the embedded cluster alone: a JSON object of names and what to do for each."""


@frozen(kw_only=True)
class Service:
    """A service as `GET /stream/session/{s}/apps` tells of it.

    `protocol` is `http`, `tcp`, `preopen` or what a newer manager has, `ports` those it listens on
    in the session. What it may be started with is None where the service takes nothing. `host_key`
    is what a server of SSH will show, None from those that don't tell.
    """

    name: str
    protocol: str = "tcp"
    ports: Sequence[int] = ()
    url_template: str | None = None
    allowed_arguments: Any = None
    allowed_envs: Any = None
    host_key: str | None = None

    @classmethod
    def from_json(cls, item: Mapping[str, Any]) -> Self:
        """Take what is known here."""
        return record(cls, item)

    def speaking(self, protocol: str) -> Self:
        """Return the service as one of another protocol."""
        return evolve(self, protocol=protocol)

    def url(self, host: str, port: int) -> str:
        """Return where to find it behind a tunnel that listens at `host` and `port`."""
        protocol = "http" if self.protocol == "http" else "tcp"
        template = self.url_template or "{protocol}://{host}:{port}"
        try:
            return template.format(protocol=protocol, host=host, port=port)
        except (LookupError, ValueError):
            # A template of an image's author, with names that nobody has told of.
            return f"{protocol}://{host}:{port}"


@frozen
class Services:
    """The services of a session. `missing` says of others what would have to be done for them."""

    items: Sequence[Service]
    missing: Mapping[str, str]

    def __iter__(self) -> Iterator[Service]:
        """Go through those that there are."""
        return iter(self.items)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.items)

    def pick(self, name: str, session: str) -> Service:
        """Find one by its name or by one of its ports; raises NotFound, listing what there is."""
        for service in self:
            if service.name == name or name in map(str, service.ports):
                return service
        if name in self.missing:
            raise NotFound(f"session {session} has no {name}", hint=self.missing[name])
        if not self:
            raise NotFound(f"session {session} offers no services", hint="does it run? atoll ps")
        known = ", ".join(service.name for service in self)
        raise NotFound(f"session {session} has no service {name!r}", hint=f"it has {known}")


async def list_services(api: "Api", session_id: str) -> Services:
    """Return a session's services, none if it does not run (`GET /stream/session/{s}/apps`)."""
    answer = await api.request("GET", path("stream", "session", session_id, "apps"))
    missing = api.decode(answer.headers.get(_MISSING, "{}"), {str: str})
    return Services(answer.json([Service.from_json]), missing)


async def shut_down(api: "Api", session_id: str, service: Service) -> None:
    """End a service, which the next connection starts anew (`POST …/shutdown-service`)."""
    route = path("session", session_id, "shutdown-service")
    await api.request("POST", route, params={"service_name": service.name}, query=True)
