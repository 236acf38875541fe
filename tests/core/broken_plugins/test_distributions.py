"""Distributions that are damaged: they are left out, and named, and nothing else suffers."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from atoll._cli import run_guarded

METADATA = {
    "no METADATA": (lambda info: (info / "METADATA").unlink(), "it has no METADATA"),
    "an empty METADATA": (lambda info: (info / "METADATA").write_text(""), "has no Name"),
    "no name": (lambda info: (info / "METADATA").write_text("Version: 1\n"), "has no Name"),
    "no version": (lambda info: (info / "METADATA").write_text("Name: x\n"), "has no Version"),
    "an empty name": (
        lambda info: (info / "METADATA").write_text("Name:\nVersion: 1\n"),
        "has no Name",
    ),
    "another encoding": (
        lambda info: (info / "METADATA").write_bytes("Name: é\n".encode("latin-1")),
        "its METADATA is not in UTF-8",
    ),
    "zeros": (lambda info: (info / "METADATA").write_bytes(b"\0" * 100), "has no Name"),
    "a folder for METADATA": (
        lambda info: [(info / "METADATA").unlink(), (info / "METADATA").mkdir()],
        "METADATA",
    ),
    "a pipe for METADATA": (
        lambda info: [(info / "METADATA").unlink(), os.mkfifo(info / "METADATA")],
        "its METADATA is not a file",
    ),
    "a link that leads nowhere": (
        lambda info: [
            (info / "METADATA").unlink(),
            (info / "METADATA").symlink_to("nowhere"),
        ],
        "it has no METADATA",
    ),
}

ENTRY_POINTS = {
    "a header without an end": ("[atoll.plugins\nbroken = broken\n", "line 1 of its entry_points"),
    "a line without a sign": ("[atoll.plugins]\nbroken\n", "line 2 of its entry_points.txt"),
    "no module": ("[atoll.plugins]\nbroken =\n", "line 2 of its entry_points.txt"),
    "no name": ("[atoll.plugins]\n\n= broken\n", "line 3 of its entry_points.txt"),
    "other bytes": (b"[atoll.plugins]\nbroken = \xff\n", "its entry_points.txt is not in UTF-8"),
    "a conflict of merging": (
        "[atoll.plugins]\n<<<<<<< ours\nbroken = broken\n",
        "line 2 of its entry_points.txt",
    ),
    "no end": ("[atoll.plugins]\n" + "broken = broken\n" * 300_000, "entry_points.txt is too long"),
}

OTHERS = {
    "no group of ours": b"[console_scripts]\nbroken\n\xff",
    "an empty file": b"",
    "a group that is empty": b"[atoll.plugins]\n",
    "comments": b"# [atoll.plugins\n; nothing here\n",
}

NAMED = "distribution 'atoll_broken-1.0.dist-info' is left out"


@pytest.mark.parametrize("name", METADATA)
def test_metadata(name, site, tried):
    damage, says = METADATA[name]
    site.install("")
    damage(site.info)
    site.named = NAMED
    tried(says)


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_entry_points(name, site, tried):
    content, says = ENTRY_POINTS[name]
    site.install("")
    write_entry_points(site.info, content)
    site.named = NAMED
    tried(says)


@pytest.mark.parametrize("name", OTHERS)
def test_other_distributions_are_ignored(name, site, tried):
    site.install("")
    (site.info / "entry_points.txt").write_bytes(OTHERS[name])
    site.named = "broken"
    tried("")


def test_an_entry_point_of_an_attribute(site, tried):
    """Plugins are modules."""
    site.install("")
    (site.info / "entry_points.txt").write_text("[atoll.plugins]\nbroken = broken:plugin\n")
    tried("importing broken:plugin raised ModuleNotFoundError")


def test_one_module_under_two_names(site, tried):
    site.install("")
    (site.info / "entry_points.txt").write_text("[atoll.plugins]\nbroken = broken\nb = broken\n")
    tried("broken is plugin 'b' (atoll-broken 1.0) already")


def test_two_distributions_with_one_name_for_a_plugin(site, tried):
    site.install("")
    other = shutil.copytree(site.info, site.folder / "zother-2.0.dist-info")
    (other / "METADATA").write_text("Name: zother\nVersion: 2.0\n")
    site.named = "plugin 'broken' (zother 2.0)"
    tried("the name is taken by plugin 'broken' (atoll-broken 1.0)")


def test_no_plugins_reads_none_of_them(site, capsys):
    """Which is what to try when nothing else works."""
    site.install("raise SystemExit(1)")
    (site.info / "METADATA").write_bytes(b"\xff")

    assert run_guarded(["--no-plugins", "config"]) == 0
    assert "broken" not in "".join(capsys.readouterr())


def test_plugins_lists_what_is_left_out(site, capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "broken", raising=False)
    site.install("raise LookupError('gone')")
    damaged = site.folder / "damaged-2.0.dist-info"
    damaged.mkdir()
    (damaged / "entry_points.txt").write_text("[atoll.plugins\n")

    assert run_guarded(["plugins", "--output", "csv"]) == 0
    listed = capsys.readouterr().out
    assert "broken,atoll-broken,1.0,importing broken raised LookupError: gone" in listed
    assert "damaged-2.0.dist-info,,line 1 of its entry_points.txt" in listed


def write_entry_points(info: Path, content: str | bytes) -> None:
    """Write this into the `entry_points.txt` of a distribution."""
    raw = content if isinstance(content, bytes) else content.encode()
    (info / "entry_points.txt").write_bytes(raw)
