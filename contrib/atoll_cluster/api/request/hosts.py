"""Read the host name of a request, which URLs for clients also contain."""

import re

from starlette.requests import HTTPConnection

from atoll_cluster.api.request.problems import bad_request

_HOST = re.compile(
    r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9._-]{1,32})?\])(?::\d{1,5})?",
    re.ASCII,
)


def read_host(connection: HTTPConnection) -> str:
    """Return the host and port of a request, otherwise the server's own; raises Problem 400."""
    host: str | None = connection.headers.get("host")
    if host is None:
        name, port = connection.scope["server"]
        return f"{name}:{port}"
    if not _HOST.fullmatch(host):
        raise bad_request("The header Host must be a name or an address, optionally with a port.")
    return host


def client_host(connection: HTTPConnection) -> str:
    """Return the host and port that the client uses for the cluster.

    This is the value of the header `X-Atoll-Client-Host`, which `atoll proxy` adds, otherwise the
    result of :func:`read_host`. `X-Forwarded-Host` does not count: Backend.AI's web server adds it
    too, and does not pass requests to the storage on.
    """
    header: str = connection.headers.get("x-atoll-client-host", "")
    return header if _HOST.fullmatch(header) else read_host(connection)
