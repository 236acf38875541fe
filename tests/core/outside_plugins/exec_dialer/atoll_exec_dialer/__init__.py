"""Ways through a command: `via: exec://socat - TCP:{host}:{port}` in a profile."""

from collections.abc import Iterable

from atoll import Transport, hookimpl


@hookimpl
def atoll_transports() -> Iterable[Transport]:
    """Offer the way that a profile's `via` names when it begins with `exec://`."""
    yield Transport("dial", ("exec",), "atoll_exec_dialer.dialer:connect")
