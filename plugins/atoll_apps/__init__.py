"""Applications in sessions: tunnels to them, SSH, and the proxy of the API."""

from collections.abc import Iterator

from atoll import Command, Completion, Example, Setting, hookimpl


@hookimpl
def atoll_commands() -> Iterator[Command]:
    """Commands about the services of sessions."""
    yield Command(
        "app", "Forward local ports to services of a session", "atoll_apps.app:app", single=True
    )
    yield Command("apps", "List the services of a session", "atoll_apps.apps:apps")
    yield Command(
        "connect",
        "Connect standard input and output to a service",
        "atoll_apps.connect:connect",
        single=True,
    )
    yield Command(
        "proxy",
        "Serve the API at a local port, without keys",
        "atoll_apps.proxy.command:proxy",
        single=True,
    )
    yield Command(
        "speedtest",
        "Measure the connection to a session",
        "atoll_apps.speedtest:speedtest",
        single=True,
    )
    yield Command("ssh", "Open a shell in a session", "atoll_apps.ssh.ssh:ssh", single=True)
    yield Command("scp", "Copy files to or from a session", "atoll_apps.ssh.scp:scp", single=True)
    yield Command(
        "sftp", "Browse and move the files of a session", "atoll_apps.ssh.sftp:sftp", single=True
    )
    yield Command("session ssh", "Same as atoll ssh", "atoll_apps.ssh.ssh:ssh", single=True)
    yield Command("session scp", "Same as atoll scp", "atoll_apps.ssh.scp:scp", single=True)
    yield Command(
        "ssh-config",
        "Configure OpenSSH to connect to sessions by name",
        "atoll_apps.ssh.config:ssh_config",
        single=True,
    )
    yield Command(
        "ssh-proxy",
        "Connect OpenSSH to a session",
        "atoll_apps.ssh.proxy_command:ssh_proxy",
        hidden=True,
        single=True,
    )


@hookimpl
def atoll_completions() -> Iterator[Completion]:
    """Complete names of services."""
    yield Completion("app", "atoll_apps.completions:apps", ttl=5.0)


@hookimpl
def atoll_settings() -> Iterator[Setting]:
    """Choose the SSH clients."""
    yield Setting(
        "ssh.client", "auto", "Which ssh, scp and sftp to run", ("auto", "openssh", "builtin")
    )


@hookimpl
def atoll_examples() -> Iterator[Example]:
    """How the commands are used."""
    from atoll_apps.examples import EXAMPLES

    yield from EXAMPLES
