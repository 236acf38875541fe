"""Profiles: the address of a cluster, and the keys for it.

Each profile is a YAML file of mode 0600 in `config/profiles/`. The environment variables of the
official client (`BACKEND_ENDPOINT` and others) define one more profile, named `environment`. No
file is read from the current folder.
"""

import re
import shutil
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import asdict, evolve, field, fields_dict, frozen

from atoll._errors import ConfigError, NotFound
from atoll._paths import Paths
from atoll._private_files import write_atomic
from atoll._small_files import mapping_of, read_private, read_small
from atoll.text import near_matches

ENVIRONMENT = "environment"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_WEB_PORTS = {"http": 80, "https": 443}
_TRUE = {"y", "yes", "t", "true", "1", "on"}
_FALSE = {"n", "no", "f", "false", "0", "off", ""}


def _normal_endpoint(url: str) -> str:
    """Return an endpoint with scheme and host in lower case, and without a slash at its end."""
    scheme, mark, rest = url.strip().partition("://")
    if not mark:
        return url
    # URLs of other schemes may have no host or path there, so nothing is changed.
    if scheme.lower() in _WEB_PORTS:
        host, slash, path = rest.partition("/")
        rest = f"{host.lower()}{slash}{path}".rstrip("/")
    return f"{scheme.lower()}{mark}{rest}"


@frozen(kw_only=True)
class Profile:
    """How to reach one cluster as one user.

    `endpoint` is an absolute URL whose scheme a transport serves. An HTTP endpoint has no user
    name, and no default port, since its host is signed as it is sent; the rest of other URLs is up
    to their transports. `transport` names the plugin whose transport is preferred if several serve
    the scheme. `via` is the URL of a dialer (`ssh://me@bastion`), `ca_file` a file with further
    certificate authorities. The prompt shows the name in `color`. With `protect`, commands that
    destroy something ask first.
    """

    name: str
    endpoint: str = field(converter=_normal_endpoint)
    endpoint_type: str = field(default="api")
    access_key: str = ""
    secret_key: str = field(default="", repr=False)
    domain: str = "default"
    group: str = "default"
    verify_tls: bool = True
    ca_file: str = ""
    via: str = ""
    transport: str = ""
    # The next two do not change how the cluster is reached.
    color: str = field(default="", eq=False)
    protect: bool = field(default=False, eq=False)

    @endpoint.validator
    def _check_endpoint(self, _attribute: Any, value: str) -> None:
        check_endpoint(value)

    @endpoint_type.validator
    def _check_endpoint_type(self, _attribute: Any, value: str) -> None:
        if value not in {"api", "session"}:
            raise ConfigError(f"endpoint type {value!r} is neither api nor session")


def check_endpoint(url: str) -> None:
    """Raise ConfigError if `url` is not a valid endpoint."""
    if not url.isprintable() or " " in url:
        raise ConfigError(
            f"the endpoint {url!r} has characters that a URL can't have", hint="copy it again"
        )
    try:
        parts = urlsplit(url)
        port = parts.port if parts.scheme in _WEB_PORTS else None
    except ValueError as error:
        raise ConfigError(f"{url!r} is not a URL: {error}") from None
    scheme, _, rest = url.partition("://")
    is_web = scheme in _WEB_PORTS
    if not _SCHEME.fullmatch(scheme) or not rest or (is_web and not parts.hostname):
        raise ConfigError(f"{url!r} is not a complete URL", hint="such as https://api.example.com")
    if is_web and parts.username is not None:
        raise ConfigError("an endpoint can't hold a user name", hint="give the keys separately")
    if is_web and port == _WEB_PORTS[scheme]:
        raise ConfigError(
            f"{url!r} names its default port, which breaks signatures", hint=f"leave out :{port}"
        )


class ProfileStore:
    """The stored profiles, and the choice of `atoll profile use`."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._folder = paths.config / "profiles"
        self._current = paths.config / "current-profile"

    def names(self) -> list[str]:
        """Return the names of all profiles, sorted."""
        stems = (path.stem for path in self._folder.glob("*.yaml"))
        return sorted(stem for stem in stems if _NAME.fullmatch(stem))

    def chosen(self) -> str | None:
        """Return the profile that `atoll profile use` has chosen; raises ConfigError if the file
        with the choice can't be read.
        """
        try:
            name = read_small(self._current).strip()
        except FileNotFoundError:
            return None
        except ConfigError as error:
            raise ConfigError(error.message, hint="atoll profile use NAME chooses one") from None
        if name and not _NAME.fullmatch(name):
            raise ConfigError(
                f"{self._current} names no profile", hint="atoll profile use NAME chooses one"
            )
        return name or None

    def current(self) -> str | None:
        """Return the profile in use: the chosen one, or the only one."""
        names = self.names()
        return self.chosen() or (names[0] if len(names) == 1 else None)

    def load(self, name: str) -> Profile:
        """Read a profile; raises NotFound, or ConfigError if its file is invalid."""
        path = self._path(name)
        try:
            text = read_private(path)
        except FileNotFoundError:
            known = self.names()
            hint = near_matches(name, known) or f"known: {', '.join(known) or 'none'}"
            raise NotFound(f"no profile named {name!r}", hint=hint) from None
        return _structure(name, mapping_of(text, path), str(path))

    def marks(self, name: str) -> object:
        """Return a value that changes when another profile is chosen, or when this one is
        written.
        """
        return [_mark(path) for path in (self._current, self._folder / f"{name}.yaml")]

    def save(self, profile: Profile) -> None:
        """Write a profile; one of the same name is replaced."""
        import yaml

        content = asdict(profile)
        del content["name"]
        write_atomic(self._path(profile.name), yaml.safe_dump(content, sort_keys=False))

    def use(self, name: str, offered: Collection[str] = ()) -> None:
        """Choose a profile for lines that name none; it is stored, or offered by plugins."""
        if name not in offered or name in self.names():
            self.load(name)
        write_atomic(self._current, name + "\n")

    def remove(self, name: str) -> None:
        """Delete a profile with its keys, and the files that transports store for it."""
        path = self._path(name)
        if not path.exists():
            self.load(name)
        with suppress(ConfigError):
            if self.chosen() == name:
                self._current.unlink()
        path.unlink()
        shutil.rmtree(self._paths.of_profile(name), ignore_errors=True)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{name!r} can't name a profile",
                hint="letters, digits, dots, dashes and underscores",
            )
        return self._folder / f"{name}.yaml"


def _mark(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_mtime_ns, status.st_ino, status.st_size


def _structure(name: str, content: dict[Any, Any], source: str) -> Profile:
    known = fields_dict(Profile)
    if unknown := sorted({str(key) for key in content} - set(known)):
        raise ConfigError(
            f"{source}: unknown key {', '.join(unknown)}",
            hint=near_matches(unknown[0], list(known)) or f"known: {', '.join(known)}",
        )
    try:
        return Profile(**{key: _value(source, key, content[key]) for key in content}, name=name)
    except TypeError:
        raise ConfigError(f"{source}: endpoint is missing") from None


def _value(source: str, key: str, value: Any) -> Any:
    """Return a value of a profile's file; raises ConfigError if it has the wrong type."""
    kind = fields_dict(Profile)[key].type or str
    if key == "color":
        # A wrong color is reported by the prompt. YAML reads `color: #ff8800` as null and a
        # comment.
        return "#" if value is None else str(value)
    if key == "protect" and isinstance(value, str):
        return parse_bool(value, f"{source}: protect")
    if not isinstance(value, kind):
        raise ConfigError(f"{source}: {key} should be {kind.__name__}")
    return value


def apply_environment(base: Profile | None, environ: Mapping[str, str]) -> Profile | None:
    """Apply the official client's `BACKEND_*` variables to a profile, or make a profile from them.

    Returns `base` itself if none is set. An endpoint in the environment replaces the whole profile:
    keys of one cluster are never sent to another.
    """
    endpoint = environ.get("BACKEND_ENDPOINT", "")
    if endpoint:
        # The variable may list several endpoints of the same cluster; the first one is used.
        base = Profile(name=ENVIRONMENT, endpoint=endpoint.split(",")[0])
    if base is None:
        if environ.get("BACKEND_ACCESS_KEY"):
            raise ConfigError(
                "BACKEND_ACCESS_KEY is set, but not BACKEND_ENDPOINT",
                hint="export BACKEND_ENDPOINT, or unset the key",
            )
        return None
    return evolve(base, **_environment_changes(environ))


def _environment_changes(environ: Mapping[str, str]) -> dict[str, Any]:
    names = ("access_key", "secret_key", "endpoint_type", "domain", "group")
    changes: dict[str, Any] = {
        name: environ[variable]
        for name in names
        if environ.get(variable := f"BACKEND_{name.upper()}")
    }
    if "BACKEND_SKIP_SSLCERT_VALIDATION" in environ:
        changes["verify_tls"] = not parse_bool(
            environ["BACKEND_SKIP_SSLCERT_VALIDATION"], "BACKEND_SKIP_SSLCERT_VALIDATION"
        )
    return changes


def parse_bool(text: str, name: str) -> bool:
    """Parse a boolean; raises ConfigError, which names the variable, for any other text."""
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ConfigError(f"{name}={text!r} is neither yes nor no")
