"""Plugins: found, guarded, chosen; a bad one costs a warning."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from atoll import Command, Format, Paths, hookimpl
from atoll._plugins import Origin, Registry, Selection, discover

MODULES = {
    "good": """
from atoll import Command, hookimpl
@hookimpl
def atoll_commands():
    yield Command("hello", "Say hello", "good:hello", aliases=("hi",))
""",
    "raising": "raise RuntimeError('not today')",
    "leaving": "import sys; sys.exit(3)",
    "unknown_hook": """
from atoll import hookimpl
@hookimpl
def atoll_comands():
    return []
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
    return sorted(registry.by_name("atoll_commands", lambda record: [record.name, *record.aliases]))


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("raising", "importing raising raised RuntimeError: not today"),
        ("leaving", "importing leaving raised SystemExit: 3"),
        ("absent", "importing absent raised ModuleNotFoundError"),
        ("unknown_hook", "atoll_comands"),
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


def test_a_name_that_is_taken_is_refused_with_both_names(registry, warnings):
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

    formats = registry.by_name("atoll_formats", lambda record: [record.name])
    assert formats["table"].origin is builtin or formats["table"].origin == builtin
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


def test_the_scan_is_cached_until_the_path_changes(tmp_path, tmp_path_factory, monkeypatch):
    """A plugin that is installed later is found at the next start."""
    paths = Paths.from_environment({"ATOLL_HOME": str(tmp_path_factory.mktemp("home"))})
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    before = discover(paths)
    cached = (paths.cache / "plugins.json").stat().st_mtime_ns
    assert discover(paths) == before
    assert (paths.cache / "plugins.json").stat().st_mtime_ns == cached

    install(site, "late")

    assert set(discover(paths)) - set(before) == {Origin("late", "late", "atoll-late", "2.0")}


def test_a_broken_cache_is_no_cache(tmp_path):
    """Whatever stands in the file."""
    paths = Paths.from_environment({"ATOLL_HOME": str(tmp_path)})
    expected = discover(paths)
    for content in ("", "[]", '{"key": 1}', "\0"):
        (paths.cache / "plugins.json").write_text(content)
        assert discover(paths) == expected


def install(site: Path, name: str) -> None:
    """Make a distribution as pip leaves it."""
    info = site / f"atoll_{name}-2.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: atoll-{name}\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text(f"[atoll.plugins]\n{name} = {name}\n")


def test_records_refuse_a_text_where_a_sequence_belongs():
    """The commonest slip: one alias without the comma."""
    with pytest.raises(TypeError, match=r"\('hi',\)"):
        Command("hello", "Say hello", "x:y", aliases=("hi"))
