"""The host name in a request, which is also used in URLs for clients."""

import re

from starlette.requests import HTTPConnection

from atoll_cluster.api.request.problems import bad_request

_HOST = re.compile(
    r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9._-]{1,32})?\])(?::\d{1,5})?",
    re.ASCII,
)


def read_host(connection: HTTPConnection) -> str:
    """Return the host and port in a request, else the server's own; raises Problem 400."""
    host: str | None = connection.headers.get("host")
    if host is None:
        name, port = connection.scope["server"]
        return f"{name}:{port}"
    if not _HOST.fullmatch(host):
        raise bad_request("The header Host must be a name or an address, optionally with a port.")
    return host


def client_host(connection: HTTPConnection) -> str:
    """Return the host and port by which the client knows the cluster: what a proxy on the way says
    that it was asked for, else the same as :func:`read_host`.
    """
    told: str = connection.headers.get("x-forwarded-host", "")
    return told if _HOST.fullmatch(told) else read_host(connection)
