"""Reads small files that a user writes: short texts, and YAML of limited depth.

A path may lead to a folder, a pipe without a writer, or a large database. All of these are refused
at once, with an error of one line.
"""

import os
import stat
from pathlib import Path
from typing import Any

from atoll._errors import ConfigError

_LONGEST = 256 * 1024
"""The largest file that is read, in bytes."""
_DEEPEST = 30
"""How deeply YAML may be nested."""


def read_small(path: Path, *, private: bool = False) -> str:
    """Return the text of a file. Raises FileNotFoundError; raises ConfigError if it is not a short
    text in UTF-8, or with `private`, if others can read it.
    """
    try:
        # Without O_NONBLOCK, opening a FIFO would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError(f"{path} is not a file")
            if private:
                _check_private(path, status.st_mode & 0o777)
            content = file.read(_LONGEST + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    if len(content) > _LONGEST:
        raise ConfigError(f"{path} is longer than {_LONGEST // 1024} KiB")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not in UTF-8") from None


def read_private(path: Path) -> str:
    """Read a file that contains secrets; raises ConfigError if others can read it."""
    return read_small(path, private=True)


def _check_private(path: Path, mode: int) -> None:
    if mode & 0o077:
        raise ConfigError(
            f"{path} holds secrets and others can read it (mode {mode:04o})",
            hint=f"chmod 600 {path}",
        )


def mapping_of(text: str, path: Path) -> dict[Any, Any]:
    """Return the keys and values of a YAML text; empty for an empty text. Raises ConfigError."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Builds no object that is larger or more deeply nested than the text itself."""

        depth = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise self.refused("aliases (*name) are not understood here")
            if self.depth > _DEEPEST:
                raise self.refused(f"it nests deeper than {_DEEPEST} levels")
            self.depth += 1
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

        def refused(self, why: str) -> ConfigError:
            return ConfigError(f"{path}: line {self.line + 1}: {why}")

    try:
        content = yaml.load(text, Loader) or {}  # noqa: S506  # a safe one
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {_where(error)}") from None
    except (ValueError, OverflowError) as error:
        # For example an impossible date, or a number of a thousand digits.
        raise ConfigError(f"{path} holds a value that can't be read: {error}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path} should hold keys and values")
    return content


def _where(error: Any) -> str:
    mark = getattr(error, "problem_mark", None)
    return f"line {mark.line + 1}: {error.problem}" if mark else " ".join(str(error).split())
