"""The records of the plugin: what they name is there, and says what it is for."""

import click
import pytest

import atoll_admin
import atoll_sessions
import atoll_vfolders
from atoll import Name
from atoll._plugins import Origin, load_attribute

ORIGIN = Origin("admin", "atoll_admin", "atoll", "0")
COMMANDS = {record.name: record for record in atoll_admin.atoll_commands() if record.load}
PLUGINS = (atoll_admin, atoll_sessions, atoll_vfolders)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_there_and_explains_itself(name):
    command = load_attribute(COMMANDS[name].load, ORIGIN)
    assert isinstance(command, click.Command)
    assert command.help
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert [param.name for param in options if not param.help] == []


def test_what_is_completed_has_somebody_who_knows_it():
    known = {record.kind for plugin in PLUGINS for record in plugin.atoll_completions()}
    params = [
        param
        for record in COMMANDS.values()
        for param in load_attribute(record.load, ORIGIN).params
        if isinstance(param.type, Name)
    ]
    # Core itself knows the profiles.
    assert {param.type.kind for param in params} <= known | {"profile"}


def test_completions_are_there():
    for record in atoll_admin.atoll_completions():
        assert callable(load_attribute(record.load, ORIGIN))


@pytest.mark.parametrize("many", ["users", "domains", "groups", "keypairs", "scaling-groups"])
def test_the_newer_spelling_is_the_same_command(many):
    one = many.removesuffix("s")
    below = [name.rpartition(" ")[2] for name in COMMANDS if name.startswith(f"admin {many} ")]
    assert {"add", "update", "delete"} <= {*below}
    for verb in set(below) & {"add", "update", "delete", "purge", "activate"}:
        older, newer = COMMANDS[f"admin {many} {verb}"], COMMANDS[f"admin {one} {verb}"]
        assert older.load == newer.load
