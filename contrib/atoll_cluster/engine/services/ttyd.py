"""A terminal in the browser: `ttyd`."""

from atoll_cluster.engine import shells
from atoll_cluster.engine.contract import Service

from .definition import ARGUMENTS, SOCKET, KernelSite, ServiceDefinition
from .installed import Ttyd
from .own_python import outermost

_SERVICE = Service(
    name="ttyd",
    protocol="http",
    ports=(7681,),
    allowed_arguments=(
        "--client-option",
        "--max-clients",
        "--once",
        "--readonly",
        "--terminal-type",
    ),
    allowed_envs=("LANG", "TZ"),
)


def define(ttyd: Ttyd, site: KernelSite) -> ServiceDefinition:
    """Define the service; each page that a browser opens gets its own shell."""
    options = ["--interface", SOCKET]
    # Otherwise any page in the user's browser could type in this terminal.
    options.append("--check-origin")
    if ttyd.asks_for_writable:
        options.append("--writable")
    argv = (str(ttyd.path), *options, ARGUMENTS, *shells.argv(site.paths, site.environ))
    return ServiceDefinition(
        service=_SERVICE, kind="socket", argv=argv, prefixes=outermost([ttyd.path.parent])
    )
