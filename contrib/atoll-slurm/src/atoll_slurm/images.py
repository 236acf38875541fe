"""Images of a site, which the user sets as `image.NAME`: a Python of the nodes, or a command.

    image.py312   = /sw/python/3.12/bin/python3.12
    image.torch   = apptainer exec --nv /sw/torch.sif
    image.lab:2.1 = module load Anaconda3 && source activate lab && python

The command is put before the kernel program of a session, and starts it. If the last word of the
command is not a Python, `python3` is appended.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from atoll_cluster.engines import EngineError, Image

SETTING = "image."
_NAME = re.compile(r"[a-z0-9][a-z0-9._/-]*(:[A-Za-z0-9_][A-Za-z0-9._-]*)?")
_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_OF_SHELLS = {"module", "ml", "source", ".", "conda", "mamba", "micromamba", "spack", "export"}
"""Commands that change the environment of the shell itself; another command must follow them."""


def images(settings: Mapping[str, str]) -> list[Image]:
    """Return the images that the settings define; raises EngineError for an invalid one."""
    named = {name.removeprefix(SETTING): text for name, text in settings.items()}
    names = [name.partition(":")[0] for name in named]
    return [
        _image(name, text, is_alone=names.count(name.partition(":")[0]) == 1)
        for name, text in named.items()
    ]


def _image(name: str, text: str, *, is_alone: bool) -> Image:
    if not _NAME.fullmatch(name):
        raise EngineError(f"{SETTING}{name}: an image is named like torch or torch:2.3")
    prefix, python = _command(name, text)
    short, colon, _ = name.partition(":")
    return Image(
        canonical=name if colon else f"{name}:latest",
        language="python",
        argv=(python,),
        aliases=(short,) if is_alone or not colon else (),
        prefix=prefix,
    )


def _command(name: str, text: str) -> tuple[tuple[str, ...], str]:
    """Return the command before the Python, and the Python."""
    before, joined, last = text.rpartition("&&")
    words = _words(name, last)
    if not words or (joined and not before.strip()):
        raise EngineError(f"{SETTING}{name}: it names no command")
    if words[0] in _OF_SHELLS and not joined:
        before, words = text, []
    elif words[0] in _OF_SHELLS:
        before, words = f"{before.strip()} && {last.strip()}", []
    python = words.pop() if words and _PYTHON.fullmatch(Path(words[-1]).name) else "python3"
    if not before:
        return tuple(words), python
    # A login shell, because many sites define the command `module` only there.
    script = " ".join([before.strip(), "&& exec", *map(shlex.quote, words), '"$@"'])
    return ("bash", "-lc", script, "bash"), python


def _words(name: str, text: str) -> list[str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise EngineError(f"{SETTING}{name}: {error}") from None
    return [str(Path(word).expanduser()) if word.startswith("~") else word for word in words]


def offered(own: Sequence[Image], found: Sequence[Image]) -> list[Image]:
    """Return all images: first those that the user has set, then those that were found. If a name
    is in both, only the image that the user has set is returned.
    """
    taken = {name for one in own for name in (one.canonical, *one.aliases)}
    return [*own, *(one for one in found if one.canonical not in taken)]
