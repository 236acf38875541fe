"""What the cluster adds to the engine's images: what a kernel needs, and names that are near."""

import difflib
from decimal import Decimal

from atoll_local.engine.contract import Engine, Image
from atoll_local.scheduler.slots import Slots

_MEBIBYTE = 1024 * 1024
_MINIMUM_MEMORY = {"node": 512 * _MEBIBYTE}

REGISTRY = "local"
"""What images are told to come from."""


def near(engine: Engine, name: str) -> list[str]:
    """Return names of images that look like `name`, the likeliest first."""
    names = [known for image in engine.images() for known in (image.canonical, *image.aliases)]
    return difflib.get_close_matches(name, names, n=5, cutoff=0.5)


def minimum(image: Image) -> Slots:
    """Return what a kernel of this image needs at least."""
    return Slots(Decimal("0.1"), _MINIMUM_MEMORY.get(image.language, 256 * _MEBIBYTE))


def default(image: Image) -> Slots:
    """Return what a kernel of this image gets when nothing is asked for."""
    return Slots(1, max(1024 * _MEBIBYTE, minimum(image).mem))
