"""Which plugin comes first: by the order of loading, by its own wish, by that of the user."""

import sys
from types import ModuleType

import click
import pytest

from atoll import Command, Format, Status, hookimpl
from atoll.output import Writer


def offering(name, **order):
    """Make a plugin with a command, a format and a segment that tell which plugin they are of."""
    module = ModuleType(name)

    @click.command()
    async def greet(context):
        context.output.stream("stdout", f"{name}\n")

    class Own(Writer):
        def row(self, values):
            """Drop it."""

        def end(self):
            self.file.write(f"{name}\n")

    module.greet, module.Own, module.segment = greet, Own, lambda _shell: name

    @hookimpl(**order)
    def atoll_commands():
        yield Command("greet", "Greet", f"{name}:greet")

    @hookimpl(**order)
    def atoll_formats():
        yield Format("own", "Own", f"{name}:Own")
        yield Format("csv", "As built in", f"{name}:Own")

    @hookimpl(**order)
    def atoll_status():
        yield Status(name, f"{name}:segment")

    module.atoll_commands, module.atoll_formats = atoll_commands, atoll_formats
    module.atoll_status = atoll_status
    return module


@pytest.fixture
def add(shell, monkeypatch):
    """Return the function that adds such a plugin."""

    def add(name, **order):
        module = offering(name, **order)
        monkeypatch.setitem(sys.modules, name, module)
        shell.add(module, name)

    return add


async def test_the_first_keeps_a_name(shell, add):
    """The other is named in a line, with whom it comes after."""
    add("one")
    add("two")
    result = await shell.run("greet; profile list --output own")
    assert result.stdout == "one\none\n"
    told = [line for line in result.stderr.splitlines() if "command 'greet'" in line]
    (line,) = told
    assert "plugin 'two' (atoll-two 1.0): command 'greet' is already provided by" in line
    assert line.endswith("plugin 'one' (atoll-one 1.0)")


@pytest.mark.parametrize(("of_one", "of_two"), [({"trylast": True}, {}), ({}, {"tryfirst": True})])
async def test_plugins_say_whether_they_come_first(shell, add, of_one, of_two):
    add("one", **of_one)
    add("two", **of_two)
    result = await shell.run("greet; profile list --output own")
    assert result.stdout == "two\ntwo\n"
    assert "plugin 'one' (atoll-one 1.0): command 'greet' is already provided by" in result.stderr


@pytest.mark.parametrize(
    ("of_one", "of_two", "of_three", "shown"),
    [
        ({}, {}, {}, "one | two | three"),
        ({"trylast": True}, {}, {}, "two | three | one"),
        ({}, {}, {"tryfirst": True}, "three | one | two"),
        ({"trylast": True}, {}, {"tryfirst": True}, "three | two | one"),
    ],
)
def test_segments_stand_in_that_order(shell, add, of_one, of_two, of_three, shown):
    add("one", **of_one)
    add("two", **of_two)
    add("three", **of_three)
    assert shown in shell.toolbar()


@pytest.mark.parametrize("prefer", ["two", " two , one", "nobody,two"])
async def test_the_user_prefers_another(shell, add, prefer):
    """Then there is nothing to tell."""
    config = shell.home / "config" / "config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text(f"plugins:\n  prefer: '{prefer}'\n")
    add("one", tryfirst=True)
    add("two", trylast=True)
    result = await shell.run("greet; profile list --output own; profile list --output csv")
    assert result.stdout == "two\ntwo\ntwo\n"
    assert "greet" not in result.stderr


async def test_built_in_plugins_keep_their_names(shell, add):
    """Even to a plugin that wants to come first; the user's word is another matter."""
    add("one", tryfirst=True)
    result = await shell.run("profile list --output csv")
    assert result.stdout.startswith("current,name,")
    assert "format 'csv' is already provided by plugin 'builtin'" in result.stderr
