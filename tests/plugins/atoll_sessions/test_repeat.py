"""`watch`: conditions on results, what has changed, and the loop that repeats a line."""

import pytest
import trio

from atoll import UsageError
from atoll_sessions.repeat.conditions import Condition
from atoll_sessions.repeat.marks import changed_spans

RECORDS = [
    {"name": "one", "status": "RUNNING", "last_updated": None, "n": 3, "ports": ["ssh"]},
    {"name": "two", "status": "PENDING", "last_updated": "2026-01-01", "n": "4", "ports": []},
]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('status == "RUNNING"', True),
        ('status == "ERROR"', False),
        ('status != "RUNNING"', True),
        ('!status == "RUNNING" & name == "one"', False),
        ('!(status == "RUNNING" | status == "PENDING")', False),
        ('name == "one" & status == "PENDING"', False),
        ('status == "ERROR" | (n > 3 & n <= 4)', True),
        ("n == 3", True),
        ('n < "3"', False),
        ("n > 4", False),
        ("status_changed is null", True),
        ("last_updated isnot null", True),
        ('name in ["x", "two"]', True),
        ('name like "t%"', True),
        ('name like "T%"', False),
        ('name ilike "T_o"', False),
        ('name ilike "T%O"', True),
        ('ports contains "ssh"', True),
        ('name contains "wo"', True),
        ("exit_code == 0", True),
        ('output like "%rea%"', True),
        ('name == "t\\"o"', False),
    ],
)
def test_a_condition_holds_for_some_record(text, holds):
    """With figures as figures, and the language of filters."""
    assert Condition.parse(text).holds(RECORDS, 0, "ready\n") == holds


def test_a_condition_without_records():
    """Then there is the exit code, and what was written."""
    assert Condition.parse("exit_code > 0").holds([], 7, "")
    assert not Condition.parse('status == "RUNNING"').holds([], 0, "")


def test_a_field_that_is_not_told():
    """It is named, with those that are."""
    with pytest.raises(UsageError, match="no field 'statsu'") as caught:
        Condition.parse('statsu == "RUNNING"').holds(RECORDS, 0, "")
    assert "status" in caught.value.hint


def test_parentheses_of_any_depth():
    """Without recursion."""
    assert Condition.parse("(" * 5000 + "n == 3" + ")" * 5000).holds(RECORDS, 0, "")


@pytest.mark.parametrize(
    ("before", "now", "spans"),
    [
        ("a b\nc", "a b\nc", {}),
        ("3m run", "4m run", {0: [(0, 1)]}),
        ("ab", "abcd", {0: [(2, 4)]}),
        ("head\none", "head\nnew\none", {1: [(0, 3)]}),
        ("head\nold\none", "head\none", {}),
        ("x\n" * 3000, "y\n" + "x\n" * 2999, {0: [(0, 1)]}),
    ],
)
def test_what_has_changed(before, now, spans):
    """Character by character, and lines that were inserted as a whole."""
    found = changed_spans(before.splitlines(), now.splitlines())
    assert {line: list(found[line]) for line in found} == spans


@pytest.fixture
def repeated(facing, cluster):
    """Run `watch` on a scripted cluster in a pipe."""

    async def run(*lines, statuses=("RUNNING",)):
        cluster.session = [{"status": status} for status in statuses]
        async with facing() as shell:
            with trio.fail_after(60):
                done = [await shell.run(line) for line in lines]
        return done if len(done) > 1 else done[0]

    return run


async def test_until_a_session_runs(repeated):
    """Each result is printed, the last of them too."""
    line = "watch --until 'status == \"RUNNING\"' 0.1 admin session sess --output jsonl"
    done = await repeated(line, statuses=("PENDING", "PENDING", "PREPARING", "RUNNING"))
    assert done.code == 0, done.stderr
    assert '"status": "RUNNING"' in done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("line", "code", "told"),
    [
        ("watch --timeout 0.3 --until 'status == \"X\"' 0.1 ps", 124, ""),
        ("watch --count 2 0.1 ps", 0, ""),
        ("watch --count 2 --until 'status == \"X\"' 0.1 ps", 1, ""),
        ("watch --while 'status == \"PENDING\"' ps", 0, ""),
        ("watch --until 'nope == 1' ps", 2, "no field 'nope'"),
        ("watch --until 'status = 1' ps", 2, "== compares"),
        ("watch --until 'a == 1' --while 'a == 1' ps", 2, "exclude each other"),
        ("watch --until 'a == 1' no-such-command", 2, "no such command: no-such-command"),
        ("watch 0.1 --count 2 ps", 0, ""),
        ("watch 0.1 --count 1 ps --until x", 2, "no such option"),
        ("watch --count 1", 2, "give a command to repeat"),
        ("watch ps --nope", 2, "--nope"),
        ("watch 'ps &'", 2, "background"),
        ("watch --count 3 0.1 ! exit 4", 4, ""),
        ("watch --until 'exit_code == 4' 0.1 ! exit 4", 0, ""),
        ("watch --until 'output contains \"hi\"' 0.1 '! echo hi | cat'", 0, ""),
        ("watch --count 1 'ps --output csv | grep -c ,'", 0, ""),
    ],
)
async def test_how_it_ends(repeated, line, code, told):
    """By its condition, its patience, or what can't go better."""
    done = await repeated(line)
    assert (done.code, told in done.stderr) == (code, True), done.stderr


async def test_results_are_told_apart(repeated):
    """By an empty line where people read them, and by nothing where programs do."""
    for_people, for_programs = await repeated(
        "watch --count 2 0.1 '! echo one'",
        "watch --output jsonl --count 2 0.1 ps --name-only",
    )
    assert for_people.stdout == "one\n\none\n"
    assert [line[:1] for line in for_programs.stdout.splitlines()] == ["{", "{"]


async def test_it_goes_on_through_an_outage(repeated, cluster):
    """Which is told each time, and is no end."""
    answers = ["", "", ""]

    async def break_off(stream):
        if answers and answers.pop() == "":
            await stream.aclose()
            return False
        await stream.send_all(
            cluster.answer(b'{"data": {"compute_session_list": {"items": [], "total_count": 0}}}')
        )
        return True

    cluster.routes["POST /admin/gql"] = break_off
    done = await repeated("watch --until 'exit_code == 0' --timeout 60 0.1 ps")
    assert done.code == 0, done.stderr


async def test_a_session_is_watched_as_before(repeated, cluster):
    """What is no command names one."""
    done = await repeated("watch sess", "watch sess --scope session", "watch -o KEY sess", "watch")
    assert [one.code for one in done] == [1] * 4  # the scripted cluster has no events
    events = [query for key, query in cluster.asked if key == "GET /events/session"]
    assert [query.get("ownerAccessKey") for query in events] == [None, None, ["KEY"], None]
