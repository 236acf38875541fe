"""Plugins: found, guarded, chosen; a bad one costs a warning."""

import os
import queue
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from types import SimpleNamespace

import click
import pytest

from atoll import Command, Format, hookimpl
from atoll._node import Node
from atoll._plugins import Origin, Provided, Registry, Selection, discover, load_attribute
from atoll.hookspecs import COMMANDS, FORMATS

MODULES = {
    "slowly": """
import sys, threading
release = threading.Event()
sys.imports.put(sys.modules[__name__])
release.wait(10)
value = 1
""",
    "good": """
from atoll import Command, hookimpl
@hookimpl
def atoll_commands():
    yield Command("hello", "Say hello", "good:hello", aliases=("hi",))
""",
    "raising": "raise RuntimeError('not today')",
    "leaving": "import sys; sys.exit(3)",
    "unknown_hook": """
from atoll import Command, hookimpl
@hookimpl
def atoll_comands():
    return []
@hookimpl
def atoll_commands():
    return [Command("bye", "Say goodbye", "unknown_hook:bye")]
""",
    "rival": """
from atoll import Command, hookimpl
@hookimpl
def atoll_commands():
    yield Command("hello", "Say hello otherwise", "rival:hello")
    yield Command("bye", "Say goodbye", "rival:bye")
""",
    "crashing": """
from atoll import hookimpl
@hookimpl
def atoll_commands():
    raise KeyError("gone")
    yield
""",
}


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def registry(warnings):
    return Registry(warnings.append)


@pytest.fixture(autouse=True)
def modules(tmp_path, monkeypatch):
    """Put the modules above on the path."""
    for name, source in MODULES.items():
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))


def origins(*names: str) -> list[Origin]:
    return [Origin(name, name, f"atoll-{name}", "1.2") for name in names]


def names_of(registry: Registry) -> list[str]:
    return sorted(registry.named(COMMANDS))


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("raising", "importing raising raised RuntimeError: not today"),
        ("leaving", "importing leaving raised SystemExit: 3"),
        ("absent", "importing absent raised ModuleNotFoundError"),
    ],
)
def test_a_plugin_that_cannot_load_costs_one_warning(registry, warnings, bad, why):
    """It is named, with its distribution and version; the others work."""
    registry.load(origins(bad, "good"), Selection())

    assert names_of(registry) == ["hello", "hi"]
    (warning,) = warnings
    assert warning.startswith(f"plugin '{bad}' (atoll-{bad} 1.2) is left out: ")
    assert why in warning
    assert "\n" not in warning


def test_a_hook_that_raises_costs_one_warning(registry, warnings):
    """It hides no other plugin's records."""
    registry.load(origins("crashing", "good"), Selection())

    assert names_of(registry) == ["hello", "hi"]
    assert warnings == [
        "plugin 'crashing' (atoll-crashing 1.2): atoll_commands raised KeyError: 'gone'"
    ]


def test_an_unknown_hook_costs_one_warning(registry, warnings):
    """It names the hook that was meant; what else the plugin offers is used."""
    registry.load(origins("unknown_hook", "good"), Selection())

    assert names_of(registry) == ["bye", "hello", "hi"]
    (warning,) = warnings
    assert warning.startswith("plugin 'unknown_hook' (atoll-unknown_hook 1.2): ")
    assert warning.endswith("there is no hook atoll_comands: did you mean atoll_commands?")


def test_a_used_name_is_refused_with_both_names(registry, warnings):
    """The first one keeps it; what does not clash is kept too."""
    registry.load(origins("rival", "good"), Selection())

    assert names_of(registry) == ["bye", "hello", "hi"]
    (warning,) = warnings
    assert warning.startswith("plugin 'rival' (atoll-rival 1.2): command 'hello' is already ")
    assert warning.endswith("provided by plugin 'good' (atoll-good 1.2)")


def test_built_in_names_cannot_be_taken(registry, warnings):
    """Whatever a third party is called, atoll's own plugins come first."""
    mine = SimpleNamespace(atoll_formats=hookimpl(lambda: [Format("table", "Mine", "x:y")]))
    builtin = Origin("zzz", "atoll._builtin", "atoll", "0")
    sys.modules["aaa"] = mine
    try:
        registry.load([Origin("aaa", "aaa", "aaa", "1"), builtin], Selection())
    finally:
        del sys.modules["aaa"]

    assert registry.named(FORMATS)["table"].origin == builtin
    assert any("format 'table' is already provided by plugin 'zzz'" in text for text in warnings)


@pytest.mark.parametrize(
    ("environ", "none", "loaded"),
    [
        ({}, False, ["good", "rival"]),
        ({}, True, []),
        ({"ATOLL_PLUGINS": "rival"}, False, ["rival"]),
        ({"ATOLL_PLUGINS": ""}, False, []),
        ({"ATOLL_PLUGINS": "good, rival"}, True, []),
    ],
)
def test_plugins_can_be_chosen_before_any_is_imported(registry, environ, none, loaded):
    """What is not chosen is not even imported."""
    registry.load(origins("good", "rival"), Selection.from_environment(environ, none=none))

    assert sorted(registry.origins) == loaded
    assert [name for name in ("good", "rival") if name in sys.modules] == loaded


def test_what_is_installed_is_found_whatever_the_time_of_its_folder(tmp_path, monkeypatch):
    """Archives and images give every folder the time they like."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    before = site.stat()
    known = set(discover().origins)

    info = install(site, "late")
    os.utime(site, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert set(discover().origins) - known == {Origin("late", "late", "atoll-late", "2.0")}

    (info / "entry_points.txt").write_text("[atoll.plugins]\nlater = late\n")
    assert set(discover().origins) - known == {Origin("later", "late", "atoll-late", "2.0")}


def test_nothing_of_third_parties_is_read_unless_it_is_wanted(tmp_path, monkeypatch):
    """As with `--no-plugins`, which goes on whatever they are like."""
    info = install(tmp_path, "broken")
    (info / "METADATA").write_bytes(b"\xff")
    monkeypatch.syspath_prepend(str(tmp_path))

    assert [one.distribution for one in discover().damaged] == [info.name]
    alone = discover(third_parties=False)
    assert alone.damaged == []
    assert {origin.distribution for origin in alone.origins} == {"atoll"}


def install(site: Path, name: str) -> Path:
    """Make a distribution as pip leaves it; returns its folder."""
    info = site / f"atoll_{name}-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: atoll-{name}\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text(f"[atoll.plugins]\n{name} = {name}\n")
    return info


def test_records_refuse_a_text_where_a_sequence_belongs():
    """The commonest slip: one alias without the comma."""
    with pytest.raises(TypeError, match=r"\('hi',\)"):
        Command("hello", "Say hello", "x:y", aliases=("hi"))


def test_an_import_in_another_thread_is_waited_for(monkeypatch):
    """Half a module has not yet what is loaded from it."""
    monkeypatch.setattr(sys, "imports", queue.Queue(), raising=False)
    origin = Origin("slow", "slowly", "atoll-slow", "1.0")
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(load_attribute, "slowly:value", origin)
        module = sys.imports.get(timeout=60)
        second = threads.submit(load_attribute, "slowly:value", origin)
        done, _ = wait([second], timeout=0.1)
        module.release.set()
    assert not done
    assert (first.result(), second.result()) == (1, 1)


def test_threads_are_given_one_and_the_same_command(monkeypatch):
    """Completion asks in one thread and looks in another: what it asked for must be the same."""
    both = Barrier(2)

    @click.command()
    def wave():
        """Wave."""

    def load(_path, _origin=None):
        with suppress(BrokenBarrierError):
            both.wait(0.5)
        return wave

    monkeypatch.setattr(Provided, "load", load)
    node = Node(("wave",), Provided(Command("wave", "Wave", "m:wave"), Origin("p", "p", "d", "1")))
    with ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(node.load) for _ in range(2))
        assert first.result() is second.result()
