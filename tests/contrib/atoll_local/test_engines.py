"""Choosing where the embedded cluster runs sessions."""

import json

import pytest

from atoll import hookimpl
from atoll_local.hooks import Engine, EngineSetting


class Pool:
    """A plugin with an engine that nobody starts here."""

    @hookimpl
    def atoll_engines(self):
        yield Engine("pool", "A pool", "nowhere:launcher", [EngineSetting("places", "How many")])


@pytest.fixture
def pooled(shell):
    shell.load("local")
    shell.add(Pool())
    return shell


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("local up --engine slurm", "there is no engine 'slurm' (known: here, pool)"),
        ("local up --engine pool --set places", "'places' is not of the form NAME=VALUE"),
        ("local up --engine pool --set size=2", "pool has no setting 'size' (it has places)"),
        ("local up --set places=2", "engine here has no setting 'places' (it has none)"),
    ],
)
async def test_invalid_settings_are_reported_in_one_line(pooled, line, told):
    result = await pooled.run(line)
    assert result.code == 2
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1


async def test_the_choice_is_kept_and_a_missing_engine_is_named(pooled):
    """The cluster's program imports it; the shell that keeps the choice does not."""
    result = await pooled.run("local up --engine pool --set places=3")
    assert result.code == 1
    assert "the engine nowhere:launcher cannot be loaded" in result.stderr
    (config,) = pooled.home.rglob("config.json")
    kept = json.loads(config.read_text())
    assert (kept["engine"], kept["settings"]) == ("nowhere:launcher", {"places": "3"})
    result = await pooled.run("local status")
    assert "pool" in result.stdout
