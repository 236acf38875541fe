"""The Python that runs the cluster, with its packages, for use by programs in kernels."""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"
_SHARED = Path("/usr")


def has(package: str) -> bool:
    """Return whether a package is installed, without importing it."""
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
    """Return a command of this Python; it does not import from the current folder."""
    return (sys.executable, "-P", *words)


def packages() -> list[Path]:
    """Return the folders from which packages are imported."""
    names = {"site-packages", "dist-packages"}
    return [Path(entry) for entry in sys.path if Path(entry).name in names and Path(entry).is_dir()]


def environ() -> dict[str, str]:
    """Return the variables that this Python needs to find its packages."""
    elsewhere = [str(path) for path in packages() if not path.is_relative_to(sys.prefix)]
    return {"PYTHONPATH": ":".join(elsewhere)} if elsewhere else {}


def prefixes() -> tuple[Path, ...]:
    """Return the folders outside /usr that a kernel must see to use this Python."""
    return outermost([Path(sys.prefix), Path(sys.base_prefix), *packages()])


def can_be_shown() -> bool:
    """Return whether kernels may see this Python: not if its folders contain the user's home."""
    return not any(Path.home().is_relative_to(prefix) for prefix in prefixes())


def is_sent() -> bool:
    """Return whether `atoll host install` has installed this Python from another machine."""
    return Path(sys.prefix).parts[-3:-1] == ("atoll", "host")


def is_shared(path: Path) -> bool:
    """Return whether every kernel sees a path."""
    return path.is_relative_to(_SHARED)


def outermost(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Remove paths that every kernel sees, and those below another path."""
    paths = sorted({path for path in paths if not is_shared(path)})
    return tuple(
        path
        for path in paths
        if not any(path != other and path.is_relative_to(other) for other in paths)
    )
