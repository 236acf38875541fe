"""The contract with plugins: every hook is documented, tested and used by atoll itself."""

import inspect
import re
from pathlib import Path

import pytest

import atoll
from atoll._plugins import OWN_DISTRIBUTION, Registry, Selection, discover

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def registry():
    """All built-in plugins, loaded as at every start."""
    warnings = []
    registry = Registry(warnings.append)
    registry.load(discover(third_parties=False).origins, Selection(frozenset()))
    assert warnings == []
    return registry


def test_every_hook_is_documented(registry):
    """In one line, and by a section of docs/plugins.md with an example."""
    text = (ROOT / "docs" / "plugins.md").read_text()
    sections = re.split(r"^### ", text, flags=re.MULTILINE)
    for hook in registry.hooks.values():
        assert re.fullmatch(r"[A-Z].*\.", hook.summary)
        (section,) = [text for text in sections if text.startswith(f"`{hook.name}`")]
        assert f"def {hook.name}" in section


def test_every_hook_has_a_user_in_atoll_itself(registry):
    """Whose records can all be loaded, those of hooks that plugins offer too."""
    for hook in registry.hooks.values():
        provided = registry.collect(hook)
        assert provided
        for one in provided:
            assert one.origin.distribution == OWN_DISTRIBUTION
            if getattr(one.record, "load", None):
                assert one.load() is not None


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
