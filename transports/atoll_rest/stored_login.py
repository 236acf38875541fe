"""Stores the login of a profile on disk: cookies of a web server, and their user."""

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
class StoredLogin:
    """Cookies by name, and the user that they belong to."""

    user: str
    access_key: str = ""
    cookies: Mapping[str, str] = field(factory=dict, repr=False)

    @property
    def identity(self) -> Identity:
        """The user who is logged in."""
        return Identity(self.user, self.access_key)

    @property
    def header(self) -> str:
        """The `Cookie` header of requests."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())


@frozen
class LoginFile:
    """The file with the login of one profile; only its owner can read it.

    There is one file for each endpoint, so that cookies are never sent to another endpoint.
    """

    path: Path

    @classmethod
    def of(cls, profile: Profile) -> "LoginFile":
        """Return the file of a profile; the file may not exist."""
        name = sha256(profile.endpoint.encode()).hexdigest()[:16]
        return cls(Paths.from_environment().of_profile(profile.name) / f"login-{name}.json")

    def load(self) -> StoredLogin | None:
        """Return the stored login; raises ConfigError if others can read the file, or if it is
        damaged.
        """
        try:
            return record(StoredLogin, json.loads(read_private(self.path)))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, LookupError, AttributeError):
            raise ConfigError(
                f"{self.path} contains no login", hint="atoll login creates it again"
            ) from None

    def save(self, login: StoredLogin) -> None:
        """Store a login in the place of an earlier one."""
        write_atomic(self.path, json.dumps(asdict(login)))

    def remove(self) -> None:
        """Delete the login."""
        self.path.unlink(missing_ok=True)
