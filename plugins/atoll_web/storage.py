"""The cluster's storage proxies, reached through the page's own address.

The cluster tells the page where a folder's files go and come from. The page's browser may not get
there, behind a bastion for one, and may not go to other sites from here. So the address is replaced
by one below the page's own, and what comes there is sent on.
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
    """The storage proxies that the cluster has told of, each by its number."""

    servers: StorageServers
    _origins: list[str] = field(factory=list)

    def through(self, url: str, here: str) -> str:
        """Return the address below `here` for one at a storage proxy; others stay as they are."""
        origin = origin_of(url)
        if not origin:
            return url
        if origin not in self._origins:
            self._origins.append(origin)
        return f"{here}{PREFIX}{self._origins.index(origin)}{url.removeprefix(origin)}"

    async def forward(self, connection: Connection, request: h11.Request) -> bool:
        """Send a request on to the storage proxy that its path names; False if there is none."""
        number, slash, rest = request.target.decode("ascii").removeprefix(PREFIX).partition("/")
        origin = {str(index): one for index, one in enumerate(self._origins)}.get(number)
        if not slash or origin is None:
            return False
        await exchange(
            partial(self.servers.send, origin), connection, retarget(request, f"/{rest}")
        )
        return True
