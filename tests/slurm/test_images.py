"""Images of a site: a container by a command, modules, and one whose command is missing."""

import pytest

APPTAINER = """#!/bin/sh
[ "$1" = exec ] || exit 2
export APPTAINER_CONTAINER=$2
shift 2
exec "$@"
"""
ATOLL = "~/.local/share/atoll/host/current/bin/atoll"
SETTINGS = (
    "image.boxed:1=~/bin/apptainer exec /sw/boxed.sif",
    "image.loaded=export LOADED=yes && python3",
    "image.lost=no-apptainer exec /sw/boxed.sif",
)


@pytest.fixture(scope="module")
def imaged(lab):
    """The site with images, which are taken back at the end."""
    lab.ssh(f"mkdir -p ~/bin && cat > ~/bin/apptainer <<'END'\n{APPTAINER}END")
    lab.ssh("chmod +x ~/bin/apptainer")
    lab.ssh(f"{ATOLL} local down; {ATOLL} local up --engine slurm {options(SETTINGS)}")
    yield lab
    taken_back = [f"{one.partition('=')[0]}=" for one in SETTINGS]
    lab.ssh(f"{ATOLL} local down; {ATOLL} local up --engine slurm {options(taken_back)}")


def options(settings):
    return " ".join(f"--set '{one}'" for one in settings)


def test_images_are_listed_with_their_names(imaged):
    listed = imaged.must("admin images --output csv -f name,tag,aliases")
    assert "boxed,1," in listed
    assert "boxed" in listed.split("boxed,1,")[1].splitlines()[0]


def test_code_and_steps_run_inside(imaged):
    code = "import os; print(os.environ['APPTAINER_CONTAINER'], os.environ['SLURM_JOB_NAME'][:3])"
    assert imaged.must(f'run --rm -t box1 -c "{code}" boxed') == "/sw/boxed.sif box\n"
    steps = "run --rm --exec 'echo $APPTAINER_CONTAINER' boxed"
    assert "/sw/boxed.sif" in imaged.must(steps)
    assert imaged.must("run --rm --exec 'echo it is $LOADED' loaded").startswith("it is yes")


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("lost", "cannot start no-apptainer: No such file or directory"),
        ("nope", "no image is called 'nope'"),
    ],
)
def test_missing_programs_are_reported_in_one_line(imaged, image, told):
    refused = imaged.run(f"run -t gone --rm -c 1 {image}")
    assert refused.returncode > 0
    assert told in refused.stderr
