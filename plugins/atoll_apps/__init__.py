"""Applications in sessions: tunnels to them, SSH, and the proxy of the API."""

from collections.abc import Iterator

from atoll import Command, Completion, Setting, hookimpl


@hookimpl
def atoll_commands() -> Iterator[Command]:
    """Commands about the services of sessions."""
    yield Command("app", "Reach services of a session at local ports", "atoll_apps.app:app")
    yield Command("apps", "List the services of a session", "atoll_apps.apps:apps")
    yield Command("connect", "Be the connection to a service", "atoll_apps.connect:connect")
    yield Command("proxy", "Serve the API here, without keys", "atoll_apps.proxy:proxy")
    yield Command("speedtest", "Measure the way to a session", "atoll_apps.speedtest:speedtest")
    yield Command("ssh", "Open a shell in a session", "atoll_apps.ssh:ssh")
    yield Command("scp", "Copy files to or from a session", "atoll_apps.scp:scp")
    yield Command("sftp", "Look through the files of a session", "atoll_apps.sftp:sftp")
    yield Command("session ssh", "Same as atoll ssh", "atoll_apps.ssh:ssh")
    yield Command("session scp", "Same as atoll scp", "atoll_apps.scp:scp")
    yield Command("ssh-config", "Make hosts of sessions", "atoll_apps.ssh_config:ssh_config")
    yield Command(
        "ssh-proxy",
        "Be the connection of ssh-config",
        "atoll_apps.ssh_proxy:ssh_proxy",
        hidden=True,
    )


@hookimpl
def atoll_completions() -> Iterator[Completion]:
    """Services by name."""
    yield Completion("app", "atoll_apps.completions:apps", ttl=5.0)


@hookimpl
def atoll_settings() -> Iterator[Setting]:
    """Which clients serve SSH."""
    yield Setting(
        "ssh.client", "auto", "Whose ssh, scp and sftp to use", ("auto", "openssh", "builtin")
    )
