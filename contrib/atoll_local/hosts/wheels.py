"""Make wheels for another machine: of distributions installed here, and of their dependencies."""

import base64
import hashlib
import json
import re
import sys
from collections.abc import Sequence
from importlib.metadata import Distribution, PackagePath, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit
from zipfile import ZIP_DEFLATED, ZipFile

import trio
from attrs import frozen

from atoll import AtollError

_OF_THE_INSTALLER = {"INSTALLER", "RECORD", "REQUESTED", "direct_url.json"}
_MANYLINUX = ("2014", "2010", "1")
_LEAST_GLIBC = 5
_LAST_LINES = 3


@frozen
class Platform:
    """The properties of a machine that decide which wheels it can use.

    `machine` is the output of `uname -m`, `glibc` the minor version of glibc 2, and `python` the
    minor version of Python 3.
    """

    machine: str
    glibc: int
    python: int

    @property
    def tags(self) -> list[str]:
        """The platform tags of wheels that the machine can use, newest first."""
        numbers = range(self.glibc, _LEAST_GLIBC - 1, -1)
        newer = [f"manylinux_2_{number}_{self.machine}" for number in numbers]
        return [*newer, *(f"manylinux{year}_{self.machine}" for year in _MANYLINUX)]


async def make_wheels(names: Sequence[str], folder: Path) -> Sequence[Path]:
    """Build wheels of distributions that are installed here; raises AtollError."""
    for name in names:
        found = distribution(name)
        if source := _editable_source(found):
            await _pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(source))
        else:
            await trio.to_thread.run_sync(_repack, found, folder)
    return wheels_in(folder)


async def dependencies(wanted: Sequence[str], platform: Platform, folder: Path) -> None:
    """Download dependencies of wheels, and pip, for another machine; raises AtollError.

    Each text of `wanted` is the path of a wheel, with extras in brackets as pip reads them.
    """
    python = f"3.{platform.python}"
    await _pip(
        *("download", "--only-binary=:all:", "--implementation", "cp", "--python-version", python),
        *(word for tag in platform.tags for word in ("--platform", tag)),
        *("--dest", str(folder), *wanted, "pip"),
    )


def wheels_in(folder: Path) -> list[Path]:
    """List the wheels in a folder."""
    return sorted(folder.glob("*.whl"))


def _editable_source(found: Distribution) -> Path | None:
    """Return the source folder of an editable installation, None for other installations."""
    origin = json.loads(found.read_text("direct_url.json") or "{}")
    if not origin.get("dir_info", {}).get("editable"):
        return None
    return Path(unquote(urlsplit(origin["url"]).path))


def _repack(found: Distribution, folder: Path) -> None:
    """Build a wheel from installed files."""
    name = f"{re.sub(r'[-_.]+', '_', found.name)}-{found.version}"
    lines: list[str] = []
    with ZipFile(folder / f"{name}-py3-none-any.whl", "w", ZIP_DEFLATED) as wheel:
        for file in filter(_belongs_in_wheel, found.files or []):
            content = Path(str(found.locate_file(file))).read_bytes()
            wheel.writestr(str(file), content)
            lines.append(f"{file},{_digest(content)},{len(content)}")
        record = f"{name}.dist-info/RECORD"
        wheel.writestr(record, "\n".join([*lines, f"{record},,", ""]))


def _belongs_in_wheel(file: PackagePath) -> bool:
    return not (
        file.parts[0] == ".." or "__pycache__" in file.parts or file.name in _OF_THE_INSTALLER
    )


def _digest(content: bytes) -> str:
    value = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return f"sha256={value.decode().rstrip('=')}"


async def _pip(*words: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *words]
    ended = await trio.run_process(
        command, check=False, capture_stdout=True, capture_stderr=True, stdin=b""
    )
    if ended.returncode:
        lines = ended.stderr.decode(errors="replace").strip().splitlines()
        raise AtollError(f"pip {words[0]} fails here: {' '.join(lines[-_LAST_LINES:])}")
