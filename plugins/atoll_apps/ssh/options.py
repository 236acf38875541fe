"""Options of OpenSSH to connect to a session, and to accept no other server in its place."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from atoll_apps.ssh.login import USER, Login

_LOOPBACK = "127.0.0.1"


def trust_options(known_hosts: str) -> dict[str, str]:
    """Return the options to accept only host keys in this file."""
    return {
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": known_hosts,
        "GlobalKnownHostsFile": "/dev/null",
        "CheckHostIP": "no",
        "UpdateHostKeys": "no",
        "NoHostAuthenticationForLocalhost": "no",
    }


def login_options(login: Login) -> dict[str, str]:
    """Return the account, the private key and the host keys for a session."""
    options = {
        "User": USER,
        "HostKeyAlias": login.name,
        **trust_options(_quoted(login.known_hosts)),
    }
    if login.key is not None:
        options |= {"IdentityFile": _quoted(login.key), "IdentitiesOnly": "yes"}
    return options


def port_options(port: int) -> dict[str, str]:
    """Return the options to connect to a local port, forwarded as long as this program runs."""
    return {
        "HostName": _LOOPBACK,
        "Port": str(port),
        "ProxyCommand": "none",
        # A shared connection would outlive this program, but the forwarded port would not.
        "ControlMaster": "no",
        "ControlPath": "none",
    }


def command_options(command: str) -> dict[str, str]:
    """Return the options to connect through a command that OpenSSH starts and ends."""
    return {"ProxyCommand": command}


def as_arguments(options: Mapping[str, str]) -> Iterator[str]:
    """Yield options as arguments of a command."""
    for name, value in options.items():
        yield "-o"
        yield f"{name}={value}"


def _quoted(path: Path) -> str:
    return f'"{quote_path(str(path))}"'


def quote_path(path: str) -> str:
    """Escape a path for OpenSSH's double quotes, where `%` begins a token."""
    return path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
