"""The options of OpenSSH by which one gets to a session, and to nothing that claims to be it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from atoll_apps.ssh_login import USER, Login

_LOOPBACK = "127.0.0.1"


def trust_options(known_hosts: str) -> dict[str, str]:
    """Return what has OpenSSH believe this file, and no other."""
    return {
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": known_hosts,
        "GlobalKnownHostsFile": "/dev/null",
        "CheckHostIP": "no",
        "UpdateHostKeys": "no",
        "NoHostAuthenticationForLocalhost": "no",
    }


def login_options(login: Login) -> dict[str, str]:
    """Return who one is and whom one believes at a session; how to get there is left out."""
    options = {
        "User": USER,
        "HostKeyAlias": login.name,
        **trust_options(_quoted(login.known_hosts)),
    }
    if login.key is not None:
        options |= {"IdentityFile": _quoted(login.key), "IdentitiesOnly": "yes"}
    return options


def port_options(port: int) -> dict[str, str]:
    """Return the way through a local port, which lasts as long as we do."""
    return {
        "HostName": _LOOPBACK,
        "Port": str(port),
        "ProxyCommand": "none",
        # A connection that outlived us would be one to nowhere.
        "ControlMaster": "no",
        "ControlPath": "none",
    }


def command_options(command: str) -> dict[str, str]:
    """Return the way through a command that OpenSSH starts, and that lasts as long as it does."""
    return {"ProxyCommand": command}


def as_arguments(options: Mapping[str, str]) -> Iterator[str]:
    """Spell options out for a command line."""
    for name, value in options.items():
        yield "-o"
        yield f"{name}={value}"


def _quoted(path: Path) -> str:
    return f'"{escaped(str(path))}"'


def escaped(path: str) -> str:
    """Spell a path as OpenSSH reads it in double quotes: `%` begins a token, a backslash keeps."""
    return path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
