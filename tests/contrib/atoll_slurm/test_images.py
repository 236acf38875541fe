"""Images as a user of a site sets them: a Python, a container, or modules to load first."""

import os
import subprocess
from pathlib import Path

import pytest
from atoll_slurm.images import images, offered

from atoll_cluster.engines import EngineError, Image


def one(text, name="image.x"):
    [image] = images({name: text})
    return image


@pytest.mark.parametrize(
    ("text", "prefix", "python"),
    [
        ("/sw/bin/python3.12", (), "/sw/bin/python3.12"),
        ("apptainer exec --nv /sw/torch.sif",
         ("apptainer", "exec", "--nv", "/sw/torch.sif"), "python3"),
        ("apptainer exec /sw/torch.sif /opt/conda/bin/python",
         ("apptainer", "exec", "/sw/torch.sif"), "/opt/conda/bin/python"),
        ("~/env/bin/python", (), str(Path.home() / "env/bin/python")),
        ("module load Python/3.12",
         ("bash", "-lc", 'module load Python/3.12 && exec "$@"', "bash"), "python3"),
        ("module load A && source activate lab && srun 'a b' python",
         ("bash", "-lc", """module load A && source activate lab && exec srun 'a b' "$@\"""",
          "bash"), "python"),
    ],
)  # fmt: skip
def test_what_leads_to_a_python_goes_before_it(text, prefix, python):
    image = one(text)
    assert (image.prefix, image.argv, image.language) == (prefix, (python,), "python")


def test_a_shell_gives_its_environment_and_its_place_to_the_program():
    """It must not stay between: signals are for the program."""
    image = one("export A='b c' && python3")
    words = [*image.prefix, "sh", "-c", 'echo "$A $PPID"; exec true']
    ran = subprocess.run(words, capture_output=True, text=True, timeout=60)
    assert ran.stdout == f"b c {os.getpid()}\n"


def test_names_have_a_tag_and_a_short_one_where_it_is_clear():
    found = images({f"image.{name}": "python3" for name in ("torch:2.3", "r:1", "r:2", "own")})
    assert {one.canonical: one.aliases for one in found} == {
        "torch:2.3": ("torch",), "r:1": (), "r:2": (), "own:latest": ("own",),
    }  # fmt: skip


def test_what_was_set_goes_before_what_was_found():
    own = images({"image.python:3.11": "/sw/bin/python3.11"})
    found = [Image(canonical="python:3.11", language="python", argv=("/usr/bin/python3.11",)),
             Image(canonical="bash:5", language="bash", argv=("/bin/bash",))]  # fmt: skip
    assert [(one.canonical, one.argv[0]) for one in offered(own, found)] == [
        ("python:3.11", "/sw/bin/python3.11"), ("bash:5", "/bin/bash"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("image.Bad Name", "python3", "image.Bad Name: an image is named like torch or torch:2.3"),
        ("image.x", "python3 'x", "image.x: No closing quotation"),
        ("image.x", "module load A &&", "image.x: it names no command"),
        ("image.x", "&& python3", "image.x: it names no command"),
    ],
)
def test_invalid_settings_are_reported_in_one_line(name, text, told):
    with pytest.raises(EngineError, match=told):
        one(text, name)
