"""Connects the small programs to a host, with the options of their command line, and always with a
verified host key.
"""

import getpass
from typing import Any

import asyncssh

from atoll_ssh.client.arguments import Arguments, Misused

_KEEPALIVE = 30


def connection(arguments: Arguments, target: str) -> Any:
    """Return a context manager that connects to `[user@]host`.

    Only host keys in the files that the options name are trusted, since no user can be asked.
    """
    user, _, host = target.rpartition("@")
    options: dict[str, Any] = {
        "host": arguments.setting("hostname", host),
        "port": _port(arguments),
        "username": user or arguments.setting("user", getpass.getuser()),
        "host_key_alias": arguments.setting("hostkeyalias") or None,
        "known_hosts": arguments.setting("userknownhostsfile") or b"",
        "keepalive_interval": _KEEPALIVE,
        "config": None,
    }
    if arguments.keys:
        options["client_keys"] = arguments.keys
    if arguments.setting("identitiesonly") == "yes":
        options["agent_path"] = None
    if command := arguments.setting("proxycommand"):
        options["proxy_command"] = command
    return asyncssh.connect(**options)


def _port(arguments: Arguments) -> int:
    text = arguments.setting("port", "22")
    if not text.isdigit():
        raise Misused(f"{text!r} is not a port")
    return int(text)
