"""The images of this machine and their names."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from attrs import evolve, frozen

from .contract import EngineError, Image, Resolution, UnknownImageError
from .runtimes import other_images, python_images

PYTHON_NAME = re.compile(r"(?:.+/)?python:3(?:\.(\d+))?(?:[.-][\w.-]*)?")
"""Names that clusters give to images of Python 3: `registry/lablup/python:3.6-ubuntu18.04`."""
TENSORFLOW_NAME = re.compile(r"(?:.+/)?python-tensorflow:[\w.]+-py3(\d+)(?:-[\w.-]*)?")
"""Names of TensorFlow images. A Python runs them here; users install TensorFlow themselves."""


@frozen
class Catalog:
    """All runtimes, best first; the image name `python` means the first Python."""

    images: Sequence[Image]

    @classmethod
    def discover(cls, root: Path) -> Self:
        """Scan the machine; a file in `root` caches the versions of programs."""
        pythons = list(python_images())
        if pythons:
            first = pythons[0]
            names = ("python", "python:3", "python:latest", *first.aliases)
            pythons[0] = evolve(first, aliases=names)
        return cls((*pythons, *other_images(root)))

    def resolve(self, name: str) -> Resolution:
        """Find an image by its name or an alias, or else the nearest version of Python.

        Raises UnknownImageError for all other names, for example of Python 2 and `python-torch`.
        """
        for image in self.images:
            if name == image.canonical or name in image.aliases:
                return Resolution(image, exact=True)
        if match := PYTHON_NAME.fullmatch(name) or TENSORFLOW_NAME.fullmatch(name):
            return Resolution(self._nearest_python(name, match.group(1)), exact=False)
        raise UnknownImageError(self._describe_unknown(name))

    def runner(self, image: Image) -> Image:
        """Choose the Python for the kernel program: that of the image, else the system's."""
        if image.language == "python":
            return image
        pythons = self._pythons()
        if not pythons:
            raise EngineError("no Python 3.8 or newer was found to run kernels with")
        return min(pythons, key=lambda python: len(python.prefixes))

    def _pythons(self) -> list[Image]:
        """Return the Pythons of this machine whose versions are known."""
        return [one for one in self.images if one.language == "python" and one.version]

    def _nearest_python(self, name: str, minor: str | None) -> Image:
        pythons = self._pythons()
        if not pythons:
            raise UnknownImageError(self._describe_unknown(name))
        if minor is None:
            return pythons[0]
        return min(pythons, key=lambda python: _distance(python, int(minor)))

    def _describe_unknown(self, name: str) -> str:
        names = [known for image in self.images for known in (image.canonical, *image.aliases)]
        near = difflib.get_close_matches(name, names, n=3)
        if near:
            return f"unknown image: {name} (did you mean {', '.join(near)}?)"
        return f"unknown image: {name} (there are {', '.join(i.canonical for i in self.images)})"


def runtimes(root: Path) -> Sequence[Image]:
    """Return the runtimes of this machine, best first; `root` is the folder of kernels."""
    return Catalog.discover(root).images


def _distance(python: Image, minor: int) -> tuple[int, bool]:
    """Return the distance to the requested version; of two equally near, the newer is preferred."""
    own = int(python.version.split(".")[1])
    return abs(own - minor), own < minor
