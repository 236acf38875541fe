"""What the user has set: `config.yaml`, and the environment over it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from atoll._errors import ConfigError
from atoll._paths import Paths
from atoll._records import Setting

Value = str | int | float | bool


_PREFER = Setting(
    "plugins.prefer",
    "",
    "Plugins, by commas, that keep a name which others offer too",
)


class Settings:
    """Values by key, each from the environment, else `config.yaml`, else its default.

    The variable of `shell.edit_mode` is `ATOLL_SHELL_EDIT_MODE`. `profile_name` is the profile
    named on the command line, if any; `skip_tls_check` was asked for there too, and so was
    `timeout`, which bounds each command, in seconds.
    """

    def __init__(self, paths: Paths, environ: Mapping[str, str] | None = None) -> None:
        self.paths = paths
        self.environ = os.environ if environ is None else environ
        self.profile_name: str | None = None
        self.skip_tls_check = False
        self.timeout: float | None = None
        self._declared = {_PREFER.key: _PREFER}
        self._file: dict[str, Any] | None = None

    def declare(self, settings: Sequence[Setting]) -> None:
        """Make keys known; only known keys can be read."""
        self._declared.update({setting.key: setting for setting in settings})

    @property
    def declared(self) -> list[Setting]:
        """All known keys, sorted."""
        return sorted(self._declared.values(), key=lambda setting: setting.key)

    def __getitem__(self, key: str) -> Any:
        """Return the value of a declared key; raises ConfigError when what was set does not fit."""
        return self.lookup(key)[0]

    def lookup(self, key: str) -> tuple[Any, str]:
        """Return the value of a declared key and where it came from, in words."""
        setting = self._declared[key]
        variable = "ATOLL_" + key.upper().replace(".", "_").replace("-", "_")
        if variable in self.environ:
            return _convert(setting, self.environ[variable], variable), variable
        if key in (values := self._values()):
            return _convert(setting, values[key], str(self.config_file)), "config.yaml"
        return setting.default, "default"

    def preferred_plugins(self) -> list[str]:
        """Return the plugins that keep a name which several offer, the first before the others.

        It is asked while plugins are loaded; a file that can't be read is told of later.
        """
        try:
            names = str(self[_PREFER.key]).split(",")
        except ConfigError:
            return []
        return [name.strip() for name in names if name.strip()]

    @property
    def config_file(self) -> Path:
        """The file that the user writes; atoll never does."""
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
    return dict(_flatten(mapping_of(text, path)))


def _flatten(content: Mapping[Any, Any], prefix: str = "") -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for key, value in content.items():
        name = f"{prefix}{key}"
        flat += _flatten(value, f"{name}.") if isinstance(value, dict) else [(name, value)]
    return flat


def _convert(setting: Setting, value: Any, source: str) -> Value:
    kind = type(setting.default)
    if kind is bool and isinstance(value, str):
        from atoll._profiles import parse_bool

        return parse_bool(value, source)
    try:
        converted = kind(value)
    except (TypeError, ValueError):
        raise ConfigError(
            f"{source}: {setting.key} should be {kind.__name__}, not {value!r}"
        ) from None
    if setting.choices and converted not in setting.choices:
        raise ConfigError(
            f"{source}: {setting.key} is {value!r}", hint=f"one of {', '.join(setting.choices)}"
        )
    return converted
