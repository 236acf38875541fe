"""The images of the cluster: the engine's runtimes, aliases, and images made from sessions.

Administrators can give aliases to images, and hide a runtime until the next scan. A commit of a
session makes an image that only its owner and superadmins can use.
"""

import difflib
from decimal import Decimal

from attrs import evolve, frozen

from atoll_cluster.engine.contract import Engine, Image, Resolution, UnknownImageError
from atoll_cluster.slots import Slots
from atoll_cluster.store.administration import READY, CommittedImage, Tables
from atoll_cluster.store.records import User

_MEBIBYTE = 1024 * 1024
_MINIMUM_MEMORY = {"node": 512 * _MEBIBYTE}

REGISTRY = "local"
"""The name of the registry that images are reported to come from."""


def full_name(canonical: str) -> str:
    """Return the name of an image with its registry, as sessions use it."""
    return f"{REGISTRY}/{canonical}" if canonical else canonical


@frozen
class Images:
    """All images; a `viewer` sees the runtimes and their own images, a superadmin all images."""

    tables: Tables
    engine: Engine

    def offered(self, viewer: User) -> list[Image]:
        """Return the images that sessions can use, with all their names."""
        forgotten = {one.name for one in self.tables.forgotten.select()}
        runtimes = [one for one in self.engine.images() if one.canonical not in forgotten]
        more: dict[str, list[str]] = {}
        for row in self.tables.aliases.select():
            more.setdefault(row.target, []).append(row.alias)
        return [
            evolve(image, aliases=(*image.aliases, *more.get(image.canonical, ())))
            for image in (*runtimes, *self._committed_images(viewer))
        ]

    def resolve(self, name: str, viewer: User) -> Resolution:
        """Find an image by a name with or without the registry.

        Raises UnknownImageError.
        """
        name = name.removeprefix(f"{REGISTRY}/")
        alias = self.tables.aliases.get(name)
        wanted = alias.target if alias else name
        if committed := self.find_committed(wanted, viewer):
            return Resolution(self._image(committed), exact=True)
        found = self.engine.resolve(wanted)
        if self.tables.forgotten.get(found.image.canonical):
            raise UnknownImageError(
                f"image {found.image.canonical} was forgotten; rescan images first"
            )
        return found

    def near(self, name: str, viewer: User) -> list[str]:
        """Return the names of images that are similar to `name`, the most similar first."""
        names = [
            known for image in self.offered(viewer) for known in (image.canonical, *image.aliases)
        ]
        return difflib.get_close_matches(name, names, n=5, cutoff=0.5)

    def named(self, canonical: str) -> Image:
        """Return an image by its canonical name, for any user.

        If its runtime was uninstalled meanwhile, the image cannot start kernels, but is enough to
        find those that run.
        """
        committed = self._by_canonical(canonical)
        base = self._runtime(committed.base if committed else canonical)
        if base is None:
            return Image(canonical=canonical, language="", argv=())
        return _made_of(base, committed) if committed else base

    def base_of(self, canonical: str) -> str:
        """Return the canonical name of the runtime of an image."""
        committed = self._by_canonical(canonical)
        return committed.base if committed else canonical

    def committed(self, viewer: User) -> list[CommittedImage]:
        """Return the images made from sessions: the user's own first, the newest first."""
        where, values = "status = ?", [READY]
        if viewer.role != "superadmin":
            where, values = "status = ? AND owner = ?", [READY, viewer.uuid]
        found = self.tables.committed.select(where, values, "created_at DESC, tag DESC")
        return sorted(found, key=lambda one: one.owner != viewer.uuid)

    def find_committed(self, name: str, viewer: User) -> CommittedImage | None:
        """Find an image made from a session; without a tag, the newest of that name.

        Without a tag, the name of a runtime means the runtime.
        """
        found = self.committed(viewer)
        exact = next((one for one in found if one.canonical == name), None)
        if exact or self.is_runtime(name):
            return exact
        return next((one for one in found if one.name == name), None)

    def is_runtime(self, name: str) -> bool:
        """Return whether a runtime has exactly this name."""
        return any(name in {one.canonical, *one.aliases} for one in self.engine.images())

    def _committed_images(self, viewer: User) -> list[Image]:
        images, seen = [], set()
        for one in self.committed(viewer):
            is_newest = one.name not in seen and not self.is_runtime(one.name)
            seen.add(one.name)
            image = self.named(one.canonical)
            images.append(evolve(image, home=one.id, aliases=(one.name,) if is_newest else ()))
        return images

    def _image(self, committed: CommittedImage) -> Image:
        base = self._runtime(committed.base)
        if base is None:
            raise UnknownImageError(
                f"image {committed.canonical} needs {committed.base}, which is no longer installed"
            )
        return _made_of(base, committed)

    def _by_canonical(self, canonical: str) -> CommittedImage | None:
        name, _, tag = canonical.partition(":")
        return self.tables.committed.find(name=name, tag=tag, status=READY)

    def _runtime(self, canonical: str) -> Image | None:
        return next((one for one in self.engine.images() if one.canonical == canonical), None)


def _made_of(base: Image, committed: CommittedImage) -> Image:
    return evolve(base, canonical=committed.canonical, aliases=(), home=committed.id)


def minimum(image: Image) -> Slots:
    """Return the slots that a kernel of this image needs at least."""
    return Slots(Decimal("0.1"), _MINIMUM_MEMORY.get(image.language, 256 * _MEBIBYTE))


def default(image: Image) -> Slots:
    """Return the slots of a kernel of this image if none are requested."""
    return Slots(1, max(1024 * _MEBIBYTE, minimum(image).mem))
