"""Makes the cluster's storage proxies reachable through the page's own address.

The cluster returns the URL of a storage proxy for each upload and download. The page's browser may
not be able to reach that URL, for example behind a bastion, and may not be allowed to send requests
from here to other sites. So the URL is replaced by one below the page's own, and requests to that
are forwarded.
"""

from functools import partial

import h11
from attrs import define, field

from atoll_apps.api import Connection, exchange
from atoll_vfolders.api import StorageServers, origin_of
from atoll_web.targets import retarget

PREFIX = "/storage/"


@define
class StorageRoutes:
    """The storage proxies that the cluster has named, each with a number."""

    servers: StorageServers
    _origins: list[str] = field(factory=list)

    def through(self, url: str, here: str) -> str:
        """Return the URL below `here` that is forwarded to a URL of a storage proxy; other URLs are
        returned unchanged.
        """
        origin = origin_of(url)
        if not origin:
            return url
        if origin not in self._origins:
            self._origins.append(origin)
        return f"{here}{PREFIX}{self._origins.index(origin)}{url.removeprefix(origin)}"

    async def forward(self, connection: Connection, request: h11.Request) -> bool:
        """Forward a request to the storage proxy that its path names; return False if there is
        none.
        """
        number, slash, rest = request.target.decode("ascii").removeprefix(PREFIX).partition("/")
        origin = {str(index): one for index, one in enumerate(self._origins)}.get(number)
        if not slash or origin is None:
            return False
        await exchange(
            partial(self.servers.send, origin), connection, retarget(request, f"/{rest}")
        )
        return True
