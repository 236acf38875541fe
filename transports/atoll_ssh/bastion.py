"""Parses the bastion in a profile's `via`."""

from urllib.parse import SplitResult, urlsplit

from attrs import frozen

from atoll import ConfigError

_EXAMPLE = "such as ssh://me@bastion.example.com:22"


@frozen
class Bastion:
    """A host between here and the cluster.

    `user` and `port` are None if the URL does not contain them; then `~/.ssh/config` applies.
    """

    host: str
    user: str | None = None
    port: int | None = None

    @classmethod
    def parse(cls, url: str) -> "Bastion":
        """Parse `ssh://[user@]host[:port]`; raises ConfigError."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ConfigError(f"via: {url!r} is not a URL: {error}", hint=_EXAMPLE) from None
        if not parts.hostname or _has_more(parts):
            raise ConfigError(f"via: {url!r} should name a host and nothing else", hint=_EXAMPLE)
        if parts.password is not None:
            raise ConfigError("via: a password must not be in the URL", hint="use a key: ssh-add")
        return cls(parts.hostname, parts.username, port)

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        return f"{user}{self.host}{port}"


def _has_more(parts: SplitResult) -> bool:
    return bool(parts.path.strip("/") or parts.query or parts.fragment)
