"""The login that a profile keeps on disk: cookies of a web server, and whose they are."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from attrs import asdict, field, frozen

from atoll import ConfigError, Paths, Profile
from atoll.files import read_private, write_atomic
from atoll.reading import record
from atoll.transport import Identity


@frozen
class KeptLogin:
    """Cookies by name, and who has got them."""

    user: str
    access_key: str = ""
    cookies: Mapping[str, str] = field(factory=dict, repr=False)

    @property
    def identity(self) -> Identity:
        """Who is logged in."""
        return Identity(self.user, self.access_key)

    @property
    def header(self) -> str:
        """The `Cookie` header that shows the login."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())


@frozen
class LoginFile:
    """Where the login of one profile is kept, readable by its owner alone.

    Each endpoint has a file of its own: cookies of one are never sent to another.
    """

    path: Path

    @classmethod
    def of(cls, profile: Profile) -> "LoginFile":
        """Return the file of a profile, which may not be there."""
        name = sha256(profile.endpoint.encode()).hexdigest()[:16]
        return cls(Paths.from_environment().of_profile(profile.name) / f"login-{name}.json")

    def load(self) -> KeptLogin | None:
        """Return what is kept; raises ConfigError for a file that others can read, or damaged."""
        try:
            return record(KeptLogin, json.loads(read_private(self.path)))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, LookupError, AttributeError):
            raise ConfigError(
                f"{self.path} holds no login", hint="atoll login makes it anew"
            ) from None

    def save(self, login: KeptLogin) -> None:
        """Keep a login in the place of another."""
        write_atomic(self.path, json.dumps(asdict(login)))

    def remove(self) -> None:
        """Delete the login."""
        self.path.unlink(missing_ok=True)
