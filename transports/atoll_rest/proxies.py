"""Proxies from the environment (`HTTPS_PROXY` and similar, in upper or lower case).

The variables have the same meaning as for curl. The standard library's function is not used, since
it would import the library's whole HTTP client.
"""

import os
import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit

from attrs import field, frozen

from atoll import ConfigError
from atoll.urls import is_loopback
from atoll_rest.address import Address

_PORTS = {"http": 1080, "https": 443, "socks5": 1080, "socks5h": 1080}
"""The schemes of proxies that can be used, with the ports that curl uses if the URL contains
none.
"""


@frozen
class Proxy:
    """A proxy, and the variable that defines it; as text, it is the URL without the password."""

    variable: str
    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def is_socks(self) -> bool:
        """Whether it is a SOCKS proxy, which can transport any bytes."""
        return self.scheme.startswith("socks")

    @property
    def url(self) -> str:
        """Its URL without user and password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def __str__(self) -> str:
        return f"the proxy {self.url} of {self.variable}"


def proxy_for(address: Address, environ: Mapping[str, str] | None = None) -> Proxy | None:
    """Return the proxy for an address, or None. No proxy is used for loopback addresses.

    Raises ConfigError if the variable's value is not a usable proxy.
    """
    env = os.environ if environ is None else environ
    variable, value = _chosen(env, "https" if address.secure else "http")
    exempt = env.get("no_proxy", env.get("NO_PROXY", ""))
    if not value or is_loopback(address.host) or _is_exempt(address, exempt):
        return None
    return _parse(variable, value)


def _chosen(environ: Mapping[str, str], scheme: str) -> tuple[str, str]:
    """Return the name and the value of the first variable that is set; an empty value means no
    proxy.
    """
    names = [f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY"]
    if "REQUEST_METHOD" in environ:
        # In a CGI program, the sender of a request could set this variable by a header `Proxy`.
        names = [name for name in names if name != "HTTP_PROXY"]
    found = next((name for name in names if name in environ), "")
    return found, environ.get(found, "").strip()


def _parse(variable: str, value: str) -> Proxy:
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        port = parts.port
    except ValueError as error:
        raise _unusable(variable, f"is not a URL: {error}") from None
    if parts.scheme not in _PORTS:
        raise _unusable(variable, f"names a proxy of the unsupported kind {parts.scheme!r}")
    if not parts.hostname or not value.isprintable() or " " in value or port == 0:
        raise _unusable(variable, "names no host and port")
    return Proxy(
        variable,
        parts.scheme,
        parts.hostname,
        port or _PORTS[parts.scheme],
        unquote(parts.username or ""),
        unquote(parts.password or ""),
    )


def _unusable(variable: str, why: str) -> ConfigError:
    # The message does not contain the value, which may include a password.
    hint = f"one of {', '.join(_PORTS)}, such as http://proxy.example:3128"
    return ConfigError(f"the environment variable {variable} {why}", hint=hint)


def _is_exempt(address: Address, no_proxy: str) -> bool:
    rules = re.split(r"[\s,]+", no_proxy.lower())
    return any(_matches(address, rule) for rule in rules if rule)


def _matches(address: Address, rule: str) -> bool:
    host = address.host.rstrip(".")
    if rule == "*" or rule in {f"{host}:{address.port}", f"[{host}]:{address.port}"}:
        return True
    if "/" in rule:
        return _in_network(host, rule)
    domain = rule.lstrip("*").strip(".").removeprefix("[").removesuffix("]")
    return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _in_network(host: str, network: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False
