"""The aliases of a user, stored in a file."""

import re
from collections.abc import Mapping
from pathlib import Path

from attrs import define, field

from atoll._errors import ConfigError, NotFound, UsageError
from atoll._private_files import write_atomic
from atoll._small_files import mapping_of, read_small
from atoll.text import near_matches

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


@define
class Aliases:
    """The aliases of a user, stored in a file."""

    file: Path
    _lines: dict[str, str] | None = field(default=None, init=False)
    problem: str = field(default="", init=False)
    """Why the file with the aliases can't be read; empty if it can."""

    @property
    def lines(self) -> Mapping[str, str]:
        """The lines of the aliases, by name."""
        if self._lines is None:
            self._lines = self._read()
        return self._lines

    def keep(self, name: str, line: str) -> None:
        """Store an alias; raises UsageError for an invalid name or line."""
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} can't name an alias", hint="letters, digits, _ . and -")
        # Another prompt may have changed the file meanwhile.
        self._write({**self._read(), name: line})

    def forget(self, name: str) -> None:
        """Remove an alias; raises NotFound."""
        left = self._read()
        if left.pop(name, None) is None:
            hint = near_matches(name, list(self.lines)) or "alias lists them"
            raise NotFound(f"there is no alias {name}", hint=hint)
        self._write(left)

    def _read(self) -> dict[str, str]:
        try:
            content = mapping_of(read_small(self.file), self.file)
        except FileNotFoundError:
            return {}
        except ConfigError as error:
            self.problem = str(error)
            return {}
        return {
            name: line
            for name, line in content.items()
            if isinstance(name, str) and isinstance(line, str) and _NAME.fullmatch(name)
        }

    def _write(self, lines: dict[str, str]) -> None:
        if self.problem:
            raise ConfigError(self.problem, hint="correct it, or remove it")
        import yaml

        write_atomic(self.file, yaml.safe_dump(lines, sort_keys=True, allow_unicode=True))
        self._lines = lines
