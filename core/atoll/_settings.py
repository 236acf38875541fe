"""Settings: values from the environment, else from `config.yaml`, else defaults."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from atoll._errors import ConfigError
from atoll._paths import Paths
from atoll._records import Setting
from atoll.text import near_matches

Value = str | int | float | bool


_LONGEST = 60
"""The most characters of a value that a message repeats."""
_PREFIX = "ATOLL_"
_OTHER_VARIABLES = {"ATOLL_HOME", "ATOLL_PROFILE", "ATOLL_PLUGINS"}
_PREFER = Setting(
    "plugins.prefer",
    "",
    "Plugins, by commas, that keep a name which others offer too",
)


class Settings:
    """Values by key, each from the environment, else `config.yaml`, else its default.

    The variable of `shell.edit_mode` is `ATOLL_SHELL_EDIT_MODE`. `profile_name` is the profile
    named on the command line, `skip_tls_check` and `timeout` (seconds for each command) are options
    there, too. If `tolerant`, values that can't be used are replaced by their defaults; the prompt
    and the commands that report them use this.
    """

    def __init__(self, paths: Paths, environ: Mapping[str, str] | None = None) -> None:
        self.paths = paths
        self.environ = os.environ if environ is None else environ
        self.profile_name: str | None = None
        self.skip_tls_check = False
        self.timeout: float | None = None
        self.tolerant = False
        self._declared = {_PREFER.key: _PREFER}
        self._file: dict[str, Any] | None = None

    def declare(self, settings: Sequence[Setting]) -> None:
        """Add keys; only declared keys can be read."""
        self._declared.update({setting.key: setting for setting in settings})

    @property
    def declared(self) -> list[Setting]:
        """All declared keys, sorted."""
        return sorted(self._declared.values(), key=lambda setting: setting.key)

    def __getitem__(self, key: str) -> Any:
        """Return the value of a declared key; raises ConfigError if it can't be used."""
        try:
            return self.lookup(key)[0]
        except ConfigError:
            if not self.tolerant:
                raise
            return self._declared[key].default

    def lookup(self, key: str) -> tuple[Any, str]:
        """Return the value of a declared key, and text that says where it is set."""
        setting = self._declared[key]
        variable = variable_of(key)
        if variable in self.environ:
            return _convert(setting, self.environ[variable], variable), variable
        if key in (values := self._values()):
            return _convert(setting, values[key], str(self.config_file)), "config.yaml"
        return setting.default, "default"

    def declaration(self, key: str) -> Setting:
        """Return the declaration of a key, also for a key of the user's own below a mapping; raises
        ConfigError for an unknown key.
        """
        if key in self._declared:
            return self._declared[key]
        above = (one for one in self.declared if one.mapping and key.startswith(f"{one.key}."))
        if (mapping := next(above, None)) is None:
            hint = near_matches(key, list(self._declared)) or "config lists them"
            raise ConfigError(f"unknown setting {_cut(key)}", hint=hint)
        return mapping

    def fitting(self, key: str, text: str) -> Value:
        """Convert a text to a value of a key; raises ConfigError for an unknown key or an invalid
        value.
        """
        setting = self.declaration(key)
        if setting.mapping and setting.key == key:
            raise ConfigError(f"{key} holds keys and values", hint=f"set one of them: {key}.KEY")
        return _convert(setting, text, "config set")

    def read_again(self) -> None:
        """Drop the content of the file, since it was written."""
        self._file = None

    def problems(self) -> list[str]:
        """Return what is wrong with the user's settings, one line for each."""
        try:
            values = self._values()
        except ConfigError as error:
            return [str(error)]
        keys, file = list(self._declared), str(self.config_file)
        mappings = [one.key for one in self.declared if one.mapping]
        below = tuple(f"{key}." for key in mappings)
        strange = [key for key in values if key not in keys and not key.startswith(below)]
        unknown = [_unknown(key, keys, file) for key in strange]
        unknown += [
            f"{file}: {key} should hold keys and values" for key in mappings if key in values
        ]
        return [*unknown, *_unknown_variables(self.environ, keys), *self._unfit()]

    def _unfit(self) -> Iterator[str]:
        for setting in self.declared:
            try:
                self.lookup(setting.key)
            except ConfigError as error:
                yield str(error)

    def below(self, key: str) -> dict[str, str]:
        """Return the keys and values below a key of `config.yaml` that holds a mapping,
        as texts.
        """
        try:
            values = self._values()
        except ConfigError:
            if not self.tolerant:
                raise
            return {}
        prefix = f"{key}."
        return {
            name.removeprefix(prefix): str(value)
            for name, value in values.items()
            if name.startswith(prefix)
        }

    def preferred_plugins(self) -> list[str]:
        """Return the plugins that get a name which several plugins offer, the most preferred first.

        It is called while plugins are loaded; a file that can't be read is reported later.
        """
        try:
            names = str(self[_PREFER.key]).split(",")
        except ConfigError:
            return []
        return [name.strip() for name in names if name.strip()]

    @property
    def config_file(self) -> Path:
        """The file with the user's settings; `config set` also writes it."""
        return self.paths.config / "config.yaml"

    def _values(self) -> dict[str, Any]:
        if self._file is None:
            self._file = _read_config(self.config_file)
        return self._file


def _read_config(path: Path) -> dict[str, Any]:
    from atoll._small_files import mapping_of, read_small

    try:
        text = read_small(path)
    except FileNotFoundError:
        return {}
    return dict(flat(mapping_of(text, path)))


def flat(content: Mapping[Any, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Return the keys of a file with their values; `shell: {suggest: no}` becomes
    `shell.suggest`.
    """
    found: list[tuple[str, Any]] = []
    for key, value in content.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            found += flat(value, f"{name}.")
        elif value is not None:  # skips a key without a value, such as `output:`
            found.append((name, value))
    return found


def variable_of(key: str) -> str:
    """Return the environment variable that sets a key."""
    return _PREFIX + key.upper().replace(".", "_").replace("-", "_")


def _unknown(key: str, known: Sequence[str], source: str) -> str:
    hint = near_matches(key, known) or "no plugin that is loaded knows it"
    return f"{source}: unknown setting {_cut(key)} ({hint})"


def _unknown_variables(environ: Mapping[str, str], keys: Sequence[str]) -> Iterator[str]:
    """Return the variables whose names are similar to that of a setting; others may belong to other
    programs.
    """
    known = [variable_of(key) for key in keys]
    for name in sorted(environ):
        if not name.startswith(_PREFIX) or name in (*known, *_OTHER_VARIABLES):
            continue
        # They are compared without their common prefix, since it would make all of them similar.
        ends = [one.removeprefix(_PREFIX) for one in known]
        if near_matches(name.removeprefix(_PREFIX), ends):
            yield f"unknown variable {name} ({near_matches(name, known)})"


def _cut(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _convert(setting: Setting, value: Any, source: str) -> Value:
    kind = type(setting.default)
    if kind is bool and isinstance(value, str):
        from atoll._profiles import parse_bool

        in_environment = source == variable_of(setting.key)
        return parse_bool(value, source if in_environment else f"{source}: {setting.key}")
    try:
        converted = kind(value)
    except (TypeError, ValueError):
        raise ConfigError(
            f"{source}: {setting.key} should be {kind.__name__}, not {_cut(repr(value))}"
        ) from None
    if setting.choices and converted not in setting.choices:
        raise ConfigError(
            f"{source}: {setting.key} is {_cut(repr(value))}",
            hint=near_matches(str(value)[:_LONGEST], setting.choices)
            or f"one of {', '.join(setting.choices)}",
        )
    return converted
