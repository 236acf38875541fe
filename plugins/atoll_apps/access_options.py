"""The options that say who may use a port: `--share`, `--token`, `--allow-host`,
`--allow-origin`.
"""

import secrets
from collections.abc import Callable, Iterable
from typing import TypeVar

import click
from attrs import evolve, field, frozen

from atoll import UsageError
from atoll_apps.http.filter import RequestFilter
from atoll_apps.http.rules import RequestRules, read_host, read_origin
from atoll_apps.ports.connection_filter import ConnectionFilter, LimitedWarnings
from atoll_apps.ports.listeners import Bind
from atoll_apps.services import Service

Decorated = TypeVar("Decorated", bound=Callable[..., object])
_EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  # compared, not bound
_TOKEN_BYTES = 24


def share_option(*names: str) -> Callable[[Decorated], Decorated]:
    """Add the option `share` to a command, with more names if given."""
    return click.option(
        "--share",
        *names,
        "share",
        is_flag=True,
        help="Accept other accounts of this machine, and other machines that reach the address.",
    )


def page_options(command: Decorated) -> Decorated:
    """Add the options `allow_hosts` and `allow_origins` to a command."""
    hosts = click.option(
        "--allow-host",
        "allow_hosts",
        multiple=True,
        metavar="NAME",
        help="Accept requests that name this host, too. Repeatable.",
    )
    origins = click.option(
        "--allow-origin",
        "allow_origins",
        multiple=True,
        metavar="ORIGIN",
        help="Accept requests from pages of this site, such as http://localhost:3000. Repeatable.",
    )
    return hosts(origins(command))


def _read_hosts(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(map(read_host, texts))


def _read_origins(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(map(read_origin, texts))


@frozen(kw_only=True)
class AccessOptions:
    """Who may use the ports that a command opens, from its options.

    `say` shows a warning; `protocol_given` means that the user has named the protocol of the
    services. Raises UsageError for an invalid host or origin.
    """

    say: Callable[[str], None]
    hosts: frozenset[str] = field(converter=_read_hosts)
    origins: frozenset[str] = field(converter=_read_origins)
    share: bool = False
    token: bool = False
    protocol_given: bool = False

    def connection_filter(self, name: str) -> ConnectionFilter:
        """Return the filter for connections to the service `name`."""
        return ConnectionFilter(name, LimitedWarnings(self.say), self.share)

    def rules(self, bind: Bind) -> RequestRules:
        """Return the rules for requests to an address."""
        return RequestRules(self.hosts | ({bind.host.lower()} - _EVERYWHERE), self.origins)

    def request_filter(
        self, service: Service, bind: Bind, connections: ConnectionFilter
    ) -> RequestFilter | None:
        """Return the filter for requests to a service, None if it is no web service.

        A port of the user's own programs may serve HTTP or another protocol; the first bytes of a
        connection decide.
        """
        if service.protocol == "tcp" and self.protocol_given:
            return None
        token = secrets.token_urlsafe(_TOKEN_BYTES) if self.token else ""
        rules = evolve(self.rules(bind), links=True, token=token, cookie=f"atoll-{bind.port}")
        return RequestFilter(
            rules,
            lambda text: connections.warnings.warn(f"{service.name}: {text}"),
            sniff=service.protocol != "http",
        )

    def check(self, services: Iterable[Service]) -> None:
        """Raise UsageError for a token if one of the services may not serve HTTP."""
        for service in services:
            if self.token and service.protocol != "http":
                raise UsageError(
                    f"--token works only for web services, and {service.name} is not known as one",
                    hint="add -p http if it is one; -b unix:PATH also lets only you in",
                )

    def warn(self, bind: Bind, name: str) -> None:
        """If anybody but the user can connect, show a warning that says who."""
        if self.share:
            who = "every account of this machine" if bind.is_local else "everyone who can connect"
            how = "with its token" if self.token else "without a password"
            self.say(f"{bind.name} is shared: {who} gets into {name} {how}")
