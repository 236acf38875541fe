"""Lines that go to several profiles at once."""

import json
from pathlib import Path

import click
import pytest
import trio

from atoll import AtollError, Command, NotFound, Paths, Profile, ProfileOffer, hookimpl
from atoll._profiles import ProfileStore
from atoll.output import Column

NAMES = ("home", "lab", "work")
COLUMNS = [Column("id"), Column("size")]


class Plugin:
    """Commands that tell something of a cluster, which is made up by the name of its profile."""

    @hookimpl
    def atoll_commands(self):
        """Yield the commands."""
        yield Command("things", "List things", "test_several:things")
        yield Command("thing", "Show one", "test_several:thing")
        yield Command("say", "Print", "test_several:say")
        yield Command("meet", "Wait for the others", "test_several:meet")
        yield Command("hang", "Wait for ever", "test_several:hang")
        yield Command("ask", "Ask something", "test_several:ask")
        yield Command("smash", "Smash", "test_several:smash", destroys=True)
        yield Command("fetch", "Write a file", "test_several:say", writes_files=True)
        yield Command("open", "Hold the terminal", "test_several:say", single=True)


class Offering:
    """A cluster that runs already, and one that does not."""

    @hookimpl
    def atoll_profiles(self):
        """Yield the offers."""
        yield ProfileOffer("idle", "", "test_several:started", "test_several:nothing")
        yield ProfileOffer("busy", "", "test_several:running", "test_several:running")


def started(*_):
    """Start a cluster."""
    raise AssertionError("nothing may be started")


def nothing(_paths):
    """Tell that none runs."""


def running(_paths, _say=None):
    """Return the one that runs."""
    return Profile(name="busy", endpoint="http://127.0.0.1:9")


async def _name(context):
    """Return the profile that a command is for; `lab` is down."""
    name = (await context.connect()).profile.name
    if name == "lab":
        raise AtollError("lab is down")
    return name


@click.command()
async def things(context):
    """List things."""
    name = await _name(context)
    await context.output.rows(
        [{"id": f"{name}-1", "size": 1}, {"id": f"{name}-2", "size": 2}], COLUMNS
    )


@click.command()
async def thing(context):
    """Show one."""
    name = await _name(context)
    context.output.note("here it is")
    context.output.item({"id": name, "size": 3}, COLUMNS)


@click.command()
async def say(context):
    """Print, not to the end of a line."""
    name = await _name(context)
    context.output.stream("stdout", "one\ntw")
    context.output.stream("stdout", f"o of {name}")


MET = []


@click.command()
async def meet(context):
    """Return once all are here."""
    MET.append(await context.connect())
    with trio.fail_after(60):
        while len(MET) % len(NAMES):
            await trio.lowlevel.checkpoint()


@click.command()
async def hang(context):
    """Wait for ever at `work`."""
    if await _name(context) == "work":
        await trio.sleep_forever()
    raise NotFound("there is none")


@click.command()
async def ask(context):
    """Ask something."""
    await context.confirm("Really?")


@click.command()
async def smash(context):
    """Smash, with a question of its own."""
    await context.consent("Smash?", yes=False)
    context.output.note("smashed")


@pytest.fixture
def lines(shell, monkeypatch):
    """Run lines where there are profiles of these names, `home` in use and protected."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    shell.add(Plugin(), "things")
    shell.load("rest")
    store = ProfileStore(Paths.from_environment({"ATOLL_HOME": str(shell.home)}))
    for name in NAMES:
        store.save(Profile(name=name, endpoint="http://127.0.0.1:9", protect=name == "home"))
    store.use("home")
    return shell.run


async def test_a_table_of_all(lines):
    """In the order of the profiles, which a column tells; one that is down costs a line."""
    result = await lines("@* things")

    assert result.stdout.splitlines() == [
        "Profile  Id      Size",
        "-------  ------  ----",
        "home     home-1  1",
        "home     home-2  2",
        "work     work-1  1",
        "work     work-2  2",
    ]
    assert result.stderr == "atoll: line 1: lab: lab is down\n"
    assert result.code == 1


@pytest.mark.parametrize("format", ["json", "jsonl", "yaml", "csv", "plain"])
async def test_formats_for_programs(lines, format):
    """Have the profile in each record, first."""
    result = await lines(f"@home,work things --output {format}")
    assert (result.code, result.stderr) == (0, "")
    if format == "jsonl":
        records = [json.loads(line) for line in result.stdout.splitlines()]
        assert records[2] == {"profile": "work", "id": "work-1", "size": 1}
        assert next(iter(records[0])) == "profile"
    if format == "csv":
        assert result.stdout.splitlines()[:2] == ["profile,id,size", "home,home-1,1"]
    if format == "json":
        assert len(json.loads(result.stdout)) == 4


async def test_one_thing_of_each(lines):
    """Is shown one after the other; remarks say of which they are."""
    result = await lines("@home,work thing")
    shown = [f"Profile  {name}\nId       {name}\nSize     3\n" for name in ("home", "work")]
    assert result.stdout == "\n".join(shown)
    assert sorted(result.stderr.splitlines()) == ["home: here it is", "work: here it is"]
    result = await lines("@home,work thing --output json")
    assert [one["profile"] for one in json.loads(result.stdout)] == ["home", "work"]


async def test_texts_are_labelled_line_by_line(lines):
    result = await lines("@work,home say")
    assert sorted(result.stdout.splitlines()) == [
        "home: one",
        "home: two of home",
        "work: one",
        "work: two of work",
    ]


async def test_all_at_once(lines):
    """Each would wait for the others in vain, one after the other."""
    assert (await lines("@* meet")).code == 0


async def test_none_waits_for_one_that_hangs(shell, lines):
    """Longer than is allowed; the exit code is the worst of all."""
    shell.environ["ATOLL_SEVERAL_TIMEOUT"] = "0.2"
    result = await lines("@home,work hang")
    slow, missing = sorted(result.stderr.splitlines(), reverse=True)
    assert missing == "atoll: line 1: home: there is none"
    assert slow.startswith("atoll: line 1: work: it took longer than the allowed 0.2 s (the set")
    assert result.code == 124


async def test_destructive_commands_ask_once(lines):
    """For all; with `--yes` no further question comes, of the command or of the protection."""
    result = await lines("@* smash")
    assert (
        "this needs an answer: Run smash on home, lab, work? (--yes answers yes)" in result.stderr
    )
    assert result.code == 2
    result = await lines("@* smash --yes")
    assert sorted(result.stderr.splitlines()) == [f"{name}: smashed" for name in NAMES]


@pytest.mark.parametrize(
    ("line", "problem", "code"),
    [
        ("@* open", "open is for one cluster at a time (such as @NAME open)", 2),
        ("@* fetch", "fetch is for one cluster at a time (such as @NAME fetch)", 2),
        ("@* use lab", "use is for one cluster at a time", 2),
        ("@x* things", "no profile matches 'x*' (known: home, lab, work)", 5),
        ("@home,nope things", "no profile named 'nope'", 5),
        ("@, things", "@ needs the name of a profile", 2),
        ("@home,work ask", "home: this needs an answer: Really?", 2),
        ("@* things --profile lab", "@* and --profile lab exclude each other", 2),
        ("@* things < /dev/null", "a file can't be read for several clusters at once", 2),
        ("@* nothing", "no such command: nothing", 2),
    ],
)
async def test_what_is_refused(lines, line, problem, code):
    result = await lines(line)
    assert problem in result.stderr
    assert (result.code, result.stdout) == (code, "")


async def test_names_and_patterns(lines):
    """Each profile once, in the order in which they are named."""
    result = await lines("@work,*o* things --output plain")
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["work"] * 2 + ["home"] * 2


async def test_the_embedded_cluster_takes_part_if_it_runs(shell, lines):
    """And is not started for a pattern."""
    shell.add(Offering(), "offering")
    result = await lines("@* things --output plain")
    assert "busy" in result.stdout
    assert "idle" not in result.stdout + result.stderr


async def test_in_pipes_files_variables_and_the_background(shell, lines, tmp_path):
    """As any other command."""
    shell.home.mkdir(exist_ok=True)
    file = tmp_path / "things.txt"
    result = await lines(f"@work,home things --output plain > {file}\n")
    assert file.read_text().split()[:2] == ["work", "work-1"]
    result = await lines("let t = @work,home things\nfor one in $t { say $one.profile }\n")
    assert result.code == 2  # `say` takes no words: the loop has come to it
    result = await lines("@work,home things --output plain &\n")
    assert result.stdout.count("home") == 4
