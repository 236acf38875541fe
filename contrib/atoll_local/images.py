"""What the cluster adds to the engine's images: more names, near names, what a kernel needs.

Administrators give images aliases, and can have one forgotten until the next scan.
"""

import difflib
from decimal import Decimal

from attrs import evolve

from atoll_local.engine.contract import Engine, Image, Resolution, UnknownImageError
from atoll_local.scheduler.slots import Slots
from atoll_local.store.administration import Tables

_MEBIBYTE = 1024 * 1024
_MINIMUM_MEMORY = {"node": 512 * _MEBIBYTE}

REGISTRY = "local"
"""What images are told to come from."""


def offered(tables: Tables, engine: Engine) -> list[Image]:
    """Return the images that sessions can ask for, with all their names."""
    forgotten = {one.name for one in tables.forgotten.select()}
    more: dict[str, list[str]] = {}
    for row in tables.aliases.select():
        more.setdefault(row.target, []).append(row.alias)
    return [
        evolve(image, aliases=(*image.aliases, *more.get(image.canonical, ())))
        for image in engine.images()
        if image.canonical not in forgotten
    ]


def resolve(tables: Tables, engine: Engine, name: str) -> Resolution:
    """Find the image that a name means; raises UnknownImageError."""
    alias = tables.aliases.get(name)
    found = engine.resolve(alias.target if alias else name)
    if tables.forgotten.get(found.image.canonical):
        raise UnknownImageError(f"image {found.image.canonical} was forgotten: rescan images first")
    return found


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
