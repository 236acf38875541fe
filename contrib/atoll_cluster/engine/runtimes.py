"""Find the runtimes of this machine, mainly by the names of their programs."""

import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

from .contract import Image

OLDEST_PYTHON = 8
"""The oldest minor version of Python 3 that can run the kernel program."""
PYTHON_PROGRAM = re.compile(r"python3\.(\d+)")
PATCH_LEVEL = re.compile(r'#define PY_VERSION\s+"([0-9.]+)')
OTHER_PROGRAMS = {"bash": "bash", "node": "node", "perl": "perl", "r": "Rscript", "ruby": "ruby"}
"""Languages besides Python, each with the program that runs a file in that language."""
SHARED = (Path("/usr"), Path("/bin"))
"""Folders that every kernel sees."""
CACHE = "runtimes.json"


@frozen
class Python:
    """A Python 3; `prefix` is its folder, None for a Python that is part of the system."""

    program: Path
    minor: int
    prefix: Path | None

    @property
    def patch_level(self) -> str | None:
        """The full version, as its C header tells; None without the header."""
        root = self.prefix or Path("/usr")
        header = root / f"include/python3.{self.minor}/patchlevel.h"
        with contextlib.suppress(OSError):
            if match := PATCH_LEVEL.search(header.read_text()):
                return match.group(1)
        return None


def distribution() -> str:
    """Return the name of the distribution, like `debian12`, for image tags."""
    release: dict[str, str] = {}
    with contextlib.suppress(OSError):
        release = platform.freedesktop_os_release()
    return release.get("ID", "linux") + release.get("VERSION_ID", "")


def python_images() -> Iterator[Image]:
    """Find every usable Python: first those of the system, then the others, newest first."""
    found = sorted(_pythons(), key=lambda python: (python.prefix is not None, -python.minor))
    taken: set[str] = set()
    for python in found:
        version = f"3.{python.minor}"
        if version in taken:
            version = python.patch_level or version
        if version in taken:
            continue
        taken.add(version)
        yield Image(
            canonical=f"python:{version}-{distribution()}",
            language="python",
            argv=(str(python.program),),
            version=version,
            aliases=(f"python:{version}",),
            prefixes=(python.prefix,) if python.prefix else (),
        )


def other_images(root: Path) -> Iterator[Image]:
    """Find runtimes of other languages; their versions are cached in `root`."""
    versions = _read_cache(root / CACHE)
    known = dict(versions)
    for language, name in OTHER_PROGRAMS.items():
        program = Path(os.path.realpath(shutil.which(name) or "/"))
        if not program.is_file() or not _is_shared(program):
            continue
        stamp = f"{program} {program.stat().st_mtime_ns}"
        if stamp not in versions:
            versions[stamp] = _ask_version(program)
        version = versions[stamp]
        yield Image(
            canonical=f"{language}:{version}-{distribution()}",
            language=language,
            argv=(str(program),),
            version=version,
            aliases=(language, f"{language}:{version}", *(("sh",) if language == "bash" else ())),
        )
    if versions != known:
        _write_cache(root / CACHE, versions)


def _pythons() -> Iterator[Python]:
    seen: set[Path] = set()
    for folder in _program_folders():
        for path in _named_python(folder):
            program = Path(os.path.realpath(path))
            match = PYTHON_PROGRAM.fullmatch(program.name)
            if match is None or program in seen:
                continue
            seen.add(program)
            python = _python(program, int(match.group(1)))
            if python is not None:
                yield python


def _named_python(folder: Path) -> list[Path]:
    """List the files that are named like a Python; empty for an unreadable folder."""
    try:
        return sorted(folder.glob("python3.*"))
    except OSError:
        return []


def _program_folders() -> Iterator[Path]:
    yield from (Path("/usr/bin"), Path("/usr/local/bin"), Path(sys.base_prefix, "bin"))
    for collection in (Path(sys.base_prefix).parent, Path.home() / ".pyenv/versions"):
        with contextlib.suppress(OSError):
            yield from sorted(collection.glob("*/bin"))
    for folder in os.get_exec_path():
        yield Path(folder)


def _python(program: Path, minor: int) -> Python | None:
    """Describe a Python; None if it cannot run, or if it is in a private folder."""
    if minor < OLDEST_PYTHON or not os.access(program, os.X_OK) or not _is_binary(program):
        return None
    if _is_shared(program):
        return Python(program, minor, None)
    prefix = program.parent.parent
    is_whole = os.access(prefix / f"lib/python3.{minor}", os.X_OK)
    return Python(program, minor, prefix) if is_whole and not _is_private(prefix) else None


def _is_private(prefix: Path) -> bool:
    """Return whether a prefix is a home folder, or contains one."""
    return Path.home().is_relative_to(prefix) or prefix.parent == Path("/home")


def _is_shared(program: Path) -> bool:
    return any(program.is_relative_to(folder) for folder in SHARED)


def _is_binary(program: Path) -> bool:
    """Return whether a program is a binary; scripts that select a Python are not."""
    try:
        with program.open("rb") as file:
            return file.read(4) == b"\x7fELF"
    except OSError:
        return False


def _ask_version(program: Path) -> str:
    """Return a program's major and minor version, `0` if unknown."""
    try:
        answer = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return "0"
    match = re.search(r"\d+(\.\d+)?", answer.stdout + answer.stderr)
    return match.group() if match else "0"


def _read_cache(path: Path) -> dict[str, str]:
    try:
        cache: dict[str, str] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return cache if isinstance(cache, dict) else {}


def _write_cache(path: Path, versions: dict[str, str]) -> None:
    with contextlib.suppress(OSError):  # without a cache, the programs are asked again next time
        path.write_text(json.dumps(versions), "utf-8")
