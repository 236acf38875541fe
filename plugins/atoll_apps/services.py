"""The services of a session."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from attrs import evolve, frozen

from atoll import NotFound
from atoll.reading import record
from atoll.urls import path

if TYPE_CHECKING:
    from atoll import Api

_MISSING = "x-atoll-missing-services"
"""A header of the embedded cluster only: a JSON object from names to what to do for each."""


@frozen(kw_only=True)
class Service:
    """A service as listed by `GET /stream/session/{s}/apps`.

    `protocol` is `http`, `tcp`, `preopen` or one of a newer manager; `ports` are those in the
    session. `allowed_arguments` and `allowed_envs` are None if the service accepts none. `host_key`
    is the public key of an SSH server, None if the cluster does not send it.
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
        """Read an item of the list."""
        return record(cls, item)

    def speaking(self, protocol: str) -> Self:
        """Return the service with another protocol."""
        return evolve(self, protocol=protocol)

    def url(self, host: str, port: int) -> str:
        """Return the URL of the service when forwarded to `host` and `port`."""
        protocol = "http" if self.protocol == "http" else "tcp"
        template = self.url_template or "{protocol}://{host}:{port}"
        try:
            return template.format(protocol=protocol, host=host, port=port)
        except (LookupError, ValueError):
            # The author of the image has used a name that is not known here.
            return f"{protocol}://{host}:{port}"


@frozen
class Services:
    """The services of a session. `missing` maps the names of services that are not available to
    what the user can do to get them.
    """

    items: Sequence[Service]
    missing: Mapping[str, str]

    def __iter__(self) -> Iterator[Service]:
        """Iterate over the services."""
        return iter(self.items)

    def __len__(self) -> int:
        """Return the number of services."""
        return len(self.items)

    def pick(self, name: str, session: str) -> Service:
        """Find a service by its name or by one of its ports; raises NotFound."""
        for service in self:
            if service.name == name or name in map(str, service.ports):
                return service
        if name in self.missing:
            raise NotFound(f"session {session} has no {name}", hint=self.missing[name])
        if not self:
            raise NotFound(
                f"session {session} offers no services",
                hint="check with atoll ps that it is running",
            )
        known = ", ".join(service.name for service in self)
        raise NotFound(f"session {session} has no service {name!r}", hint=f"it has {known}")


async def list_services(api: "Api", session_id: str) -> Services:
    """List the services of a session (`GET /stream/session/{s}/apps`); a session that does not run
    has none.
    """
    answer = await api.request("GET", path("stream", "session", session_id, "apps"))
    missing = api.decode(answer.headers.get(_MISSING, "{}"), {str: str})
    return Services(answer.json([Service.from_json]), missing)


async def shut_down(api: "Api", session_id: str, service: Service) -> None:
    """Stop a service; the next connection starts it again (`POST …/shutdown-service`)."""
    route = path("session", session_id, "shutdown-service")
    await api.request("POST", route, params={"service_name": service.name}, query=True)
