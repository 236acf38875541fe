"""Names of images and the runtimes behind them."""

import re
import sys
from pathlib import Path
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoll_cluster.engine.contract import EngineError, Image, UnknownImageError
from atoll_cluster.engine.images import Catalog
from atoll_cluster.engine.kernels import KernelEngine
from atoll_cluster.engine.runtimes import python_images


def python(minor, **fields):
    version = f"3.{minor}"
    return Image(
        canonical=f"python:{version}-debian12",
        language="python",
        argv=(f"/usr/bin/python{version}",),
        version=version,
        aliases=(f"python:{version}", *fields.pop("aliases", ())),
        **fields,
    )


BASH = Image(canonical="bash:5.2-debian12", language="bash", argv=("/usr/bin/bash",))
CATALOG = Catalog([python(11, aliases=("python", "python:3")), python(13), python(9), BASH])


@pytest.mark.parametrize("name", ["python:3.11-debian12", "python:3.11", "python:3", "python"])
def test_own_names_are_exact(name):
    resolution = CATALOG.resolve(name)
    assert resolution.image.version == "3.11"
    assert resolution.exact


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("python:3.6-ubuntu18.04", "3.9"),
        ("lablup/python:3.6-ubuntu18.04", "3.9"),
        ("cr.example.org:5000/stable/python:3.12-ubuntu22.04", "3.13"),
        ("python:3.10", "3.11"),
        ("python:3.11-ubuntu20.04", "3.11"),
        ("python:3.99", "3.13"),
        ("python:3-slim", "3.11"),
        ("python:3.9.18", "3.9"),
        ("python-tensorflow:1.12-py36", "3.9"),
        ("lablup/python-tensorflow:2.0-py312-cuda9", "3.13"),
    ],
)
def test_names_of_other_clusters_lead_to_the_nearest_python(name, version):
    resolution = CATALOG.resolve(name)
    assert resolution.image.version == version
    assert not resolution.exact


@pytest.mark.parametrize(
    "name",
    [
        "python-tensorflow:1.12-py27",
        "python-tensorflow",
        "python-torch:1.0-py36",
        "python:2.7-ubuntu18.04",
        "pyhton",
        "cpython:3.11",
        "",
        "r-base",
        "python:",
        "python:3.6 ; rm",
    ],
)
def test_anything_else_never_becomes_python(name):
    with pytest.raises(UnknownImageError, match="unknown image"):
        CATALOG.resolve(name)


def test_a_misspelt_image_name_gets_a_suggestion():
    with pytest.raises(EngineError, match=r"did you mean .*python:3\.13"):
        CATALOG.resolve("pyton:3.13")
    with pytest.raises(EngineError, match=r"there are .*bash:5\.2-debian12"):
        CATALOG.resolve("zzz")


@given(st.text())
def test_only_names_with_python_in_them_lead_there(name):
    if "python" not in name:
        with pytest.raises(UnknownImageError):
            CATALOG.resolve(name)


def test_this_machine_has_images(runtimes):
    images = runtimes.images()
    names = [name for image in images for name in (image.canonical, *image.aliases)]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z]+:[\d.]+-[a-z]+[\d.]*", image.canonical) for image in images)
    version = f"3.{sys.version_info.minor}"
    assert runtimes.resolve(f"python:{version}").image.version == version
    assert runtimes.resolve("bash").image.language == "bash"


def test_a_second_discovery_runs_no_program(tmp_path, monkeypatch):
    first = KernelEngine.here(tmp_path).images()
    monkeypatch.setattr("subprocess.run", None)
    assert KernelEngine.here(tmp_path).images() == first


def test_scripts_in_place_of_an_interpreter_are_ignored(tmp_path, monkeypatch):
    (tmp_path / "python3.99").write_text("#!/bin/sh\nexec python3\n")
    (tmp_path / "python3.99").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert all(image.version != "3.99" for image in KernelEngine.here(tmp_path).images())


def test_unreadable_folders_are_ignored(monkeypatch):
    refuse = Mock(side_effect=PermissionError(13, "Permission denied"))
    monkeypatch.setattr(Path, "glob", refuse)
    assert not list(python_images())
    assert refuse.called


def test_another_language_is_served_by_the_systems_python(runtimes):
    runner = runtimes.catalog.runner(runtimes.resolve("bash").image)
    assert runner.language == "python"
    with pytest.raises(EngineError, match="no Python"):
        Catalog([BASH]).runner(BASH)
