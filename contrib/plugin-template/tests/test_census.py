"""Test `census` in the shell and at its prompt."""

import atoll_census
from atoll_census.commands import Count, most_common


def test_the_commonest_comes_first():
    assert most_common(["PENDING", "RUNNING", "RUNNING"]) == [
        Count("RUNNING", 2),
        Count("PENDING", 1),
    ]


async def test_its_help(shell):
    shell.add(atoll_census)
    result = await shell.run("census --help")
    assert result.code == 0
    assert "--at-least" in result.stdout


async def test_a_mistake_is_one_line(shell):
    shell.add(atoll_census)
    result = await shell.run("census --at-least 0")
    assert result.code == 2
    assert "--at-least" in result.stderr


async def test_its_options_are_completed(shell):
    shell.add(atoll_census)
    assert await shell.complete("census --at") == ["--at-least"]


async def test_sessions_of_a_cluster_are_counted(shell, cluster):
    cluster.run("start", "-t", "counted", "python")
    shell.environ |= cluster.environ
    shell.load("rest")
    shell.add(atoll_census)
    result = await shell.run("census --output csv")
    assert result.stdout == "status,sessions\nRUNNING,1\n"


def test_it_is_there_at_the_prompt(prompt):
    terminal = prompt("atoll_census")
    terminal.run("census --help", "Count your sessions by their status")
    assert terminal.leave() == 0
