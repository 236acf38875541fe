"""Print the lowest versions that pyproject.toml declares, as constraints for pip.

What is named with a floor gets exactly that version; what stands on it in turn may be the newest,
as with a user who has everything else up to date.
"""

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
_FLOOR = re.compile(r"(?P<name>[A-Za-z0-9._-]+)>=(?P<version>[0-9.]+)[^;]*(?P<marker>;.*)?")


def floors(project: Mapping[str, Any]) -> Iterator[str]:
    """Yield a constraint for each dependency, those of the extras too."""
    extras = project["optional-dependencies"].values()
    for wanted in [*project["dependencies"], *(one for extra in extras for one in extra)]:
        found = _FLOOR.fullmatch(wanted)
        if found is None:
            sys.exit(f"{PYPROJECT.name}: {wanted!r} has no floor: write it as name>=version")
        yield f"{found['name']}=={found['version']}{found['marker'] or ''}"


if __name__ == "__main__":
    with PYPROJECT.open("rb") as file:
        lines = floors(tomllib.load(file)["project"])
        print(*lines, sep="\n")  # noqa: T201  # the answer of this program
