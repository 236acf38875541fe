"""The contract with plugins: every hook is documented, tested and used by atoll itself."""

import inspect
import re
from pathlib import Path

import pytest

import atoll
from atoll import _records, hookspecs
from atoll._plugins import OWN_DISTRIBUTION, Registry, Selection, discover, load_attribute

ROOT = Path(__file__).parents[2]
HOOKS = [name for name in dir(hookspecs) if name.startswith("atoll_")]


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """All built-in plugins, loaded as at every start."""
    paths = atoll.Paths.from_environment({"ATOLL_HOME": str(tmp_path_factory.mktemp("home"))})
    warnings = []
    registry = Registry(warnings.append)
    registry.load(discover(paths), Selection(frozenset()))
    assert warnings == []
    return registry


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented(hook):
    """In the specification itself, and by a section of docs/plugins.md with an example."""
    assert inspect.getdoc(getattr(hookspecs, hook))
    sections = re.split(r"^### ", (ROOT / "docs" / "plugins.md").read_text(), flags=re.MULTILINE)
    (section,) = [text for text in sections if text.startswith(f"`{hook}`")]
    assert f"def {hook}" in section


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_user_in_atoll_itself(registry, hook):
    """Whose records are what the hook says it takes, and can all be loaded."""
    provided = registry.collect(hook)
    assert provided
    for record, origin in provided:
        assert origin.distribution == OWN_DISTRIBUTION
        assert type(record).__name__ in vars(_records)
        if getattr(record, "load", None):
            assert load_attribute(record.load, origin) is not None


def test_plugins_are_given_the_names_they_need():
    """What `import atoll` offers is what it says it offers."""
    for name in atoll.__all__:
        assert getattr(atoll, name) is not None


def test_every_command_shows_its_help(registry):
    """Each loads, says what it does, and describes each of its options."""
    from atoll._commands import CommandTree, HelpAsked

    tree = CommandTree(registry)
    for node in tree.walk():
        if node.runs:
            with pytest.raises(HelpAsked) as asked:
                tree.prepare([*node.path, "--help"])
            assert str(asked.value).startswith(f"Usage: atoll {' '.join(node.path)} ")
            assert inspect.getdoc(node.load().callback) or node.load().help
