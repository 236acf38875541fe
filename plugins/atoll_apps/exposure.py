"""Who gets through what is opened here: `--share`, `--token`, `--allow-host`, `--allow-origin`."""

import secrets
from collections.abc import Callable, Iterable
from typing import TypeVar

import click
from attrs import evolve, field, frozen

from atoll import UsageError
from atoll_apps.admission import Admission, Remarks
from atoll_apps.binding import Bind
from atoll_apps.guard import Rules, read_host, read_origin
from atoll_apps.services import Service
from atoll_apps.web import Web

Decorated = TypeVar("Decorated", bound=Callable[..., object])
_EVERYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  # compared, not bound
_TOKEN_BYTES = 24


def share_option(*names: str) -> Callable[[Decorated], Decorated]:
    """Give a command the option `share`, under other names too."""
    return click.option(
        "--share",
        *names,
        "share",
        is_flag=True,
        help="Let in other accounts of this machine, and other machines that reach the address.",
    )


def page_options(command: Decorated) -> Decorated:
    """Give a command the options `allow_hosts` and `allow_origins`."""
    hosts = click.option(
        "--allow-host",
        "allow_hosts",
        multiple=True,
        metavar="NAME",
        help="Let requests call this machine by this name, too. Repeatable.",
    )
    origins = click.option(
        "--allow-origin",
        "allow_origins",
        multiple=True,
        metavar="ORIGIN",
        help="Let pages of this site in, such as http://localhost:3000. Repeatable.",
    )
    return hosts(origins(command))


def _read_hosts(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(map(read_host, texts))


def _read_origins(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(map(read_origin, texts))


@frozen(kw_only=True)
class Exposure:
    """What the options say; names of hosts and origins raise UsageError when they are none.

    `is_told` says that the user has told what services speak, `say` shows remarks.
    """

    say: Callable[[str], None]
    hosts: frozenset[str] = field(converter=_read_hosts)
    origins: frozenset[str] = field(converter=_read_origins)
    share: bool = False
    token: bool = False
    is_told: bool = False

    def admission(self, name: str) -> Admission:
        """Return who may connect to what is called `name`."""
        return Admission(name, Remarks(self.say), self.share)

    def rules(self, bind: Bind) -> Rules:
        """Return what is asked of requests that come to an address."""
        return Rules(self.hosts | ({bind.host.lower()} - _EVERYWHERE), self.origins)

    def web(self, service: Service, bind: Bind, admission: Admission) -> Web | None:
        """Return how requests to a service are treated, None where it is known to be no web
        service.

        A port of the user's own may speak HTTP or not: the first bytes tell.
        """
        if service.protocol == "tcp" and self.is_told:
            return None
        token = secrets.token_urlsafe(_TOKEN_BYTES) if self.token else ""
        rules = evolve(self.rules(bind), links=True, token=token, cookie=f"atoll-{bind.port}")
        return Web(
            rules,
            lambda text: admission.remarks.tell(f"{service.name}: {text}"),
            unsure=service.protocol != "http",
        )

    def check(self, services: Iterable[Service]) -> None:
        """Raise UsageError where a token can't be asked for."""
        for service in services:
            if self.token and service.protocol != "http":
                raise UsageError(
                    f"--token is for web services, and {service.name} is not known as one",
                    hint="-p http says that it is; -b unix:PATH is for you alone, too",
                )

    def warn(self, bind: Bind, name: str) -> None:
        """Tell who gets in, where that is not the user alone."""
        if self.share:
            who = "every account of this machine" if bind.is_local else "whoever reaches it"
            how = "with its token" if self.token else "without a password"
            self.say(f"{bind.name} is shared: {who} gets into {name} {how}")
