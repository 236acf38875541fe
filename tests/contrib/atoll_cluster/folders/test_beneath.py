"""The walk that never leaves its tree, whatever is in it and whatever is asked for."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atoll_cluster.storage.tree import PathError, Tree

NAMES = st.sampled_from(["a", "b", "link", "up", "out", ".", "..", "", "file", "/", "x" * 300])
PATHS = st.lists(NAMES, max_size=6).map("/".join)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A tree with links of all kinds, beside a secret."""
    around = tmp_path_factory.mktemp("around")
    (around / "secret").mkdir()
    (around / "secret" / "file").write_text("secret")
    tree = around / "tree"
    for folder in (tree, tree / "a", tree / "a" / "b"):
        folder.mkdir()
        (folder / "file").write_text("inside")
        (folder / "link").symlink_to("a")
        (folder / "up").symlink_to("..")
        (folder / "out").symlink_to("../../secret")
    return tree


@settings(max_examples=400, deadline=None)
@given(path=PATHS)
def test_every_opened_path_is_inside_the_folder(place, path):
    try:
        with Tree(place).opened(path) as descriptor:
            real = str(Path(f"/proc/self/fd/{descriptor}").readlink())
    except (PathError, OSError):
        return
    assert real == str(place) or real.startswith(f"{place}/")


@settings(max_examples=200, deadline=None)
@given(path=PATHS, content=st.binary(max_size=3))
def test_every_written_path_is_inside_the_folder(place, path, content):
    before = sorted(place.parent.glob("secret/**/*"))
    tree = Tree(place)
    try:
        tree.make(path, parents=True, exist_ok=True)
        tree.move(path, f"{path}/../moved")
    except (PathError, OSError):
        pass
    assert sorted(place.parent.glob("secret/**/*")) == before
    assert (place.parent / "secret" / "file").read_text() == "secret"


def test_links_are_followed(place):
    with Tree(place).opened("a/up/a/b/file") as descriptor:
        assert os.read(descriptor, 10) == b"inside"


def test_a_pipe_does_not_block(place):
    os.mkfifo(place / "pipe")
    with Tree(place).opened("pipe") as descriptor:
        assert os.read(descriptor, 1) == b""
    (place / "pipe").unlink()
