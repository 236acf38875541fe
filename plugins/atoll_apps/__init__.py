"""Applications in sessions: tunnels to them, SSH, and the proxy of the API."""

from collections.abc import Iterator

from atoll import Command, hookimpl


@hookimpl
def atoll_commands() -> Iterator[Command]:
    """Commands about the services of sessions."""
    yield Command("app", "Reach services of a session at local ports", "atoll_apps.app:app")
    yield Command("apps", "List the services of a session", "atoll_apps.apps:apps")
    yield Command("connect", "Be the connection to a service", "atoll_apps.connect:connect")
    yield Command("proxy", "Serve the API here, without keys", "atoll_apps.proxy:proxy")
