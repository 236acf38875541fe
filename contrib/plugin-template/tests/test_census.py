"""`census`, without a cluster."""

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
