"""Proxies that the environment asks for (`HTTPS_PROXY` and its companions, in either case).

Written out, since the standard library's version costs the import of its whole HTTP client.
"""

import os
from collections.abc import Mapping
from ipaddress import ip_address, ip_network

from atoll.api.endpoints import is_loopback
from atoll_rest.address import Address


def proxy_for(address: Address, environ: Mapping[str, str] | None = None) -> str | None:
    """Return the URL of the proxy for an address, or None. Loopback is always reached straight."""
    env = os.environ if environ is None else environ
    scheme = "https" if address.secure else "http"
    proxy = _variable(env, f"{scheme}_proxy") or _variable(env, "all_proxy")
    if not proxy or is_loopback(address.host) or _is_exempt(address, _variable(env, "no_proxy")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _variable(environ: Mapping[str, str], name: str) -> str:
    return (environ.get(name) or environ.get(name.upper()) or "").strip()


def _is_exempt(address: Address, no_proxy: str) -> bool:
    rules = (rule.strip().lower() for rule in no_proxy.split(","))
    return any(_matches(address, rule) for rule in rules if rule)


def _matches(address: Address, rule: str) -> bool:
    if rule in {"*", f"{address.host}:{address.port}"}:
        return True
    if "/" in rule:
        return _in_network(address.host, rule)
    domain = rule.lstrip("*").lstrip(".")
    return address.host == domain or address.host.endswith(f".{domain}")


def _in_network(host: str, network: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False
