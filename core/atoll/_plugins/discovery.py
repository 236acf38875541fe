"""Finds the installed plugins, by the entry points of distributions.

`importlib.metadata` reads every distribution whole, and fails at the first that is damaged. Here
only `entry_points.txt` is read. That takes a millisecond for a hundred distributions, which is less
than checking whether a cached result is still valid.
"""

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from atoll._plugins.origins import OWN_DISTRIBUTION, Origin

GROUP = "atoll.plugins"
_LONGEST = 4 * 1024 * 1024
"""The most bytes that are read of a file; a longer file is not metadata."""


class Damaged(NamedTuple):
    """A distribution that can't be read, and why."""

    distribution: str
    problem: str

    def __str__(self) -> str:
        return f"distribution {self.distribution!r} is left out: {self.problem}"


class _DamageError(Exception):
    """A file of a distribution can't be used; the text says why."""


class Installed(NamedTuple):
    """The plugins that were found, in no order, and the distributions that could not be read."""

    origins: list[Origin]
    damaged: list[Damaged]


def discover(*, third_parties: bool = True) -> Installed:
    """Find the plugins on `sys.path`; with `third_parties` false, only those that ship with
    atoll.
    """
    installed = Installed([], [])
    seen: set[str] = set()
    for folder, name in _distributions(sys.path):
        key = _normal(name)
        if key in seen or not (third_parties or key == OWN_DISTRIBUTION):
            continue
        try:
            installed.origins.extend(_plugins_of(f"{folder}/{name}"))
        except _DamageError as error:
            installed.damaged.append(Damaged(name, str(error)))
        else:
            # As in importlib.metadata, the first distribution on the path hides others of the same
            # name.
            seen.add(key)
    return installed


def _distributions(folders: Iterable[str]) -> Iterator[tuple[str, str]]:
    for folder in dict.fromkeys(folders):
        with suppress(OSError):
            for name in sorted(os.listdir(folder or ".")):  # noqa: PTH208  # on the way of every start
                # pip renames a distribution with a tilde before it removes it.
                if name.endswith((".dist-info", ".egg-info")) and not name.startswith("~"):
                    yield folder or ".", name


def _normal(name: str) -> str:
    return name.rpartition(".")[0].partition("-")[0].lower().replace("_", "-").replace(".", "-")


def _plugins_of(path: str) -> Iterator[Origin]:
    content = _read(path, "entry_points.txt")
    if content is None or GROUP.encode() not in content:
        return
    entries = list(_entries(_text(content, "entry_points.txt")))
    if entries:
        distribution, version = _named(path)
    for name, module in entries:
        yield Origin(name, module, distribution, version)


def _read(path: str, name: str) -> bytes | None:
    """Return the content of a distribution's file; None if there is no such file."""
    try:
        # Opening must not wait if the file is a pipe.
        descriptor = os.open(f"{path}/{name}", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _DamageError(f"its {name} can't be read: {error.strerror}") from None
    # No file object is used, since making one takes longer than reading the file.
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _DamageError(f"its {name} is not a file")
        if status.st_size > _LONGEST:
            raise _DamageError(f"its {name} is too long")
        return os.read(descriptor, _LONGEST)
    except OSError as error:
        raise _DamageError(f"its {name} can't be read: {error.strerror}") from None
    finally:
        os.close(descriptor)


def _text(content: bytes, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise _DamageError(f"its {name} is not in UTF-8") from None


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """Yield the names and modules of the entry points of our group."""
    section = ""
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith(("#", ";")):
            continue
        if line.startswith("["):
            if not line.endswith("]"):
                raise _DamageError(f"line {number} of its entry_points.txt can't be understood")
            section = line[1:-1].strip()
        elif section == GROUP:
            name, mark, module = (part.strip() for part in line.partition("="))
            if not (name and mark and module):
                raise _DamageError(f"line {number} of its entry_points.txt can't be understood")
            yield name, module


def _named(path: str) -> tuple[str, str]:
    """Return the name and the version of a distribution."""
    file = "METADATA" if path.endswith(".dist-info") else "PKG-INFO"
    content = _read(path, file)
    if content is None:
        raise _DamageError(f"it has no {file}")
    fields: dict[str, str] = {}
    for line in _text(content, file).splitlines():
        if not line:
            break
        name, mark, value = line.partition(":")
        if mark:
            fields.setdefault(name.lower(), value.strip())
    for wanted in ("name", "version"):
        if not fields.get(wanted):
            raise _DamageError(f"its {file} has no {wanted.capitalize()}")
    return fields["name"], fields["version"]
