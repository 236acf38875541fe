"""Whatever lies in a tree, all of it is come to, and all of it can be removed and copied."""

import errno
import os
import subprocess

import pytest
from tests.contrib.trees import ODD_NAMES, fill_oddly, nest

from atoll_cluster.storage.copying import copy
from atoll_cluster.storage.removal import RemovalError, remove
from atoll_cluster.storage.traversal import StepKind, opened, traverse
from atoll_cluster.storage.volume import count


@pytest.fixture(autouse=True)
def _gone_at_the_end(tmp_path):
    """Remove what pytest itself, which goes by recursion, could not."""
    yield
    remove(tmp_path)


@pytest.fixture
def outside(tmp_path):
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "keep").write_text("mine")
    return folder


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "tree"
    folder.mkdir()
    return folder


def paths(tree):
    with opened(tree) as start:
        return [step.path for step in traverse(start) if step.kind is not StepKind.LEFT]


@pytest.mark.parametrize(("depth", "name"), [(1, "d"), (40, "d"), (3000, "d"), (1000, "n" * 200)])
def test_any_depth_is_walked_counted_copied_and_removed(tmp_path, tree, depth, name):
    nest(tree, depth, name, b"deep")
    assert count(tree).size == 4
    assert count(tree).count == depth + 1
    assert paths(tree)[-1] == "/".join([name] * depth + ["bottom"])
    twin = tmp_path / "twin"
    twin.mkdir()
    assert copy(tree, twin, lambda _number: None).count == 0
    assert paths(twin) == paths(tree)
    remove(twin)
    assert not twin.exists()


def test_each_entry_comes_once_and_links_are_not_followed(tree, outside):
    fill_oddly(tree, outside)
    found = paths(tree)
    assert len(found) == len(set(found))
    assert set(ODD_NAMES) | {"loop", "up", "out", "pipe", "sparse", "mode-0"} <= set(found)
    assert not [path for path in found if path.startswith(("up/", "out/", "loop/"))]


def test_a_copy_keeps_modes_times_links_and_holes(tmp_path, tree, outside):
    fill_oddly(tree, outside)
    twin = tmp_path / "twin"
    twin.mkdir()
    copy(tree, twin, lambda _number: None)
    assert sorted(paths(twin)) == sorted(path for path in paths(tree) if path != "pipe")
    assert (twin / "sparse").stat().st_size == 1 << 40
    assert (twin / "sparse").stat().st_blocks == 0
    assert (twin / "out").readlink() == outside
    for name in ("mode-0", "mode-555"):
        before, after = (tree / name).stat(), (twin / name).stat()
        assert (before.st_mode, before.st_mtime_ns) == (after.st_mode, after.st_mtime_ns)


def test_a_file_with_holes_between_its_bytes_is_copied_as_it_is(tmp_path, tree):
    with (tree / "holes").open("wb") as file:
        for position in (0, 1 << 20, 1 << 26):
            file.seek(position)
            file.write(b"bytes")
        file.truncate(1 << 27)
    twin = tmp_path / "twin"
    twin.mkdir()
    copy(tree, twin, lambda _number: None)
    assert (twin / "holes").read_bytes() == (tree / "holes").read_bytes()
    assert count(twin).on_disk < 1 << 20


def test_removal_touches_nothing_outside(tree, outside):
    fill_oddly(tree, outside)
    remove(tree)
    assert not tree.exists()
    assert (outside / "keep").read_text() == "mine"


def test_a_file_is_removed_too(tmp_path, outside):
    link = tmp_path / "link"
    link.symlink_to(outside)
    remove(link)
    remove(tmp_path / "not there")
    assert not link.is_symlink()
    assert (outside / "keep").exists()


def test_what_cannot_be_removed_is_named_and_the_rest_is_removed(monkeypatch, tree):
    nest(tree, 3)
    (tree / "other").write_text("goes")
    unlink = os.unlink

    def refuse(name, *, dir_fd=None):
        if name == "bottom":
            raise OSError(errno.EPERM, "Operation not permitted")
        unlink(name, dir_fd=dir_fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        with pytest.raises(RemovalError) as caught:
            remove(tree)
    assert caught.value.filename == f"{tree}/d/d/d/bottom"
    assert (caught.value.strerror, caught.value.count) == ("Operation not permitted", 1)
    assert paths(tree) == ["d", "d/d", "d/d/d", "d/d/d/bottom"]


def test_a_moved_folder_ends_only_the_walk_of_that_folder(tmp_path, tree):
    nest(tree, 100)
    (tree / "z").mkdir()
    seen, failed = [], []
    with opened(tree) as start:
        for step in traverse(start, lambda path, error: failed.append((path, error.errno))):
            seen.append(step.name)
            if step.name == "bottom":
                (tree / "d" / "d").rename(tmp_path / "away")
                (tmp_path / "away" / "d").rename(tmp_path / "further")
    assert [code for _, code in failed] == [errno.ESTALE]
    assert seen[-2:] == ["z", "z"]


def test_files_are_removed_while_a_process_renames(tree):
    (tree / "a").mkdir()
    nest(tree / "a", 60)
    code = "import os\nwhile True:\n os.rename('a', 'b'); os.rename('b', 'a')"
    with subprocess.Popen(["python3", "-c", code], cwd=tree, stderr=subprocess.DEVNULL) as process:
        try:
            remove(tree)
        except RemovalError as error:
            assert error.errno in (errno.ENOTEMPTY, errno.ESTALE)  # noqa: PT017 - it may win
        finally:
            process.kill()
    remove(tree)
    assert not tree.exists()
