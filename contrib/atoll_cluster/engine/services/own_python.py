"""The Python that this program runs on, with its packages, as programs in kernels can use it."""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"
_SHARED = Path("/usr")


def has(package: str) -> bool:
    """Tell whether a package is installed, without importing it."""
    return find_spec(package) is not None


def folder_of(package: str) -> Path | None:
    """Return the folder of a package, None if it is not installed."""
    try:
        spec = find_spec(package)
    except ModuleNotFoundError:
        return None
    locations = spec.submodule_search_locations if spec else None
    return Path(next(iter(locations))) if locations else None


def argv(*words: str) -> tuple[str, ...]:
    """Start this Python, deaf to what lies about in the current folder."""
    return (sys.executable, "-P", *words)


def packages() -> list[Path]:
    """Return the folders that packages are imported from."""
    names = {"site-packages", "dist-packages"}
    return [Path(entry) for entry in sys.path if Path(entry).name in names and Path(entry).is_dir()]


def environ() -> dict[str, str]:
    """Return what this Python must be told to find its packages where its home is another one."""
    elsewhere = [str(path) for path in packages() if not path.is_relative_to(sys.prefix)]
    return {"PYTHONPATH": ":".join(elsewhere)} if elsewhere else {}


def prefixes() -> tuple[Path, ...]:
    """Return the folders outside /usr that a kernel must see to use it."""
    return outermost([Path(sys.prefix), Path(sys.base_prefix), *packages()])


def can_be_shown() -> bool:
    """Tell whether kernels may see it: not if that would show them somebody's home as well."""
    return not any(Path.home().is_relative_to(prefix) for prefix in prefixes())


def is_sent() -> bool:
    """Tell whether `atoll host install` has put it here, from another machine."""
    return Path(sys.prefix).parts[-3:-1] == ("atoll", "host")


def is_shared(path: Path) -> bool:
    """Tell whether every kernel sees a path anyway."""
    return path.is_relative_to(_SHARED)


def outermost(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Leave out what every kernel sees anyway, and what lies below another of the folders."""
    paths = sorted({path for path in paths if not is_shared(path)})
    return tuple(
        path
        for path in paths
        if not any(path != other and path.is_relative_to(other) for other in paths)
    )
