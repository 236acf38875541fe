"""Where lines go: to the profile with which their prompt, script or command began."""

import click
import pytest
import trio
from attrs import evolve

from atoll import Command, Paths, Profile, ProfileOffer, hookimpl
from atoll._profiles import ProfileStore

LAB = Profile(name="lab", endpoint="https://lab.example.com", access_key="AK", secret_key="SK")
OTHER = Profile(name="other", endpoint="https://other.example.com")


class Plugin:
    """Tells where a line goes, and does what another window would do."""

    @hookimpl
    def atoll_commands(self):
        """Yield the commands."""
        yield Command("where", "Tell where this goes", "test_target:where")
        yield Command("late", "Wait for a release", "test_target:late")
        yield Command("release", "Release what waits", "test_target:release")
        yield Command("within", "Run a line", "test_target:within")
        yield Command("elsewhere", "Change profiles from elsewhere", "test_target:elsewhere")


class Campus:
    """Offers a cluster."""

    @hookimpl
    def atoll_profiles(self):
        """Yield the offer."""
        yield ProfileOffer("campus", "The campus", "test_target:campus")


def campus(_paths, _say):
    """Return the offered profile."""
    return Profile(name="campus", endpoint="https://campus.example.com")


RELEASED = []


@click.command()
async def late(context):
    with trio.fail_after(60):
        while not RELEASED:
            await trio.lowlevel.checkpoint()


@click.command()
async def release(context):
    RELEASED.append(True)


@click.command()
@click.argument("line")
async def within(context, line):
    return await context.run(line)


@click.command()
async def where(context):
    api = await context.connect()
    context.output.stream("stdout", f"{api.profile.endpoint}\n")


@click.command()
@click.argument("what", nargs=-1)
async def elsewhere(context, what):
    store = ProfileStore(context.paths)
    match what:
        case ["use", name]:
            store.use(name)
        case ["change", name]:
            store.save(evolve(store.load(name), endpoint="https://changed.example.com"))
        case ["make", name]:
            store.save(evolve(LAB, name=name))
            store.use(name)
        case ["remove", name]:
            store.remove(name)


class Nowhere:
    """A transport that is never asked."""

    async def aclose(self):
        """Do nothing."""


@pytest.fixture
def lines(shell, monkeypatch):
    """Run lines with the profiles `lab` and `other` there; returns what they told."""
    monkeypatch.syspath_prepend(__file__.rpartition("/")[0])
    shell.add(Plugin(), "where")
    shell.load("rest")
    store = ProfileStore(Paths.from_environment({"ATOLL_HOME": str(shell.home)}))
    for profile in (LAB, OTHER):
        store.save(profile)

    async def run(text, **options):
        result = await shell.run(text, **options)
        return result.stdout.replace("https://", "").replace(".example.com", "").split(), result

    run.store = store
    return run


@pytest.mark.parametrize("change", ["use other", "change lab", "remove lab"])
async def test_a_script_keeps_the_profile_it_began_with(lines, change):
    """Whatever is done to profiles meanwhile, also by the way of another that it names."""
    lines.store.use("lab")

    told, result = await lines(f"where\nelsewhere {change}\nwhere\nwhere --profile lab\n")

    assert (told, result.stderr) == (["lab", "lab", "lab"], "")


async def test_a_script_changes_its_profile_only_by_itself(lines):
    lines.store.use("lab")

    told, _ = await lines("where\nprofile use other\nwhere\nuse lab\nwhere\n")
    assert told == ["lab", "other", "lab"]
    add = "profile add other --endpoint https://new.example.com"
    told, _ = await lines(f"where\n{add}\nwhere\nprofile use lab\nwhere\n")
    assert told == ["other", "new", "lab"]


async def test_a_script_that_removes_its_profile_uses_no_other(lines):
    """By itself; it may say so."""
    lines.store.use("lab")

    told, result = await lines("profile remove lab\nwhere\nuse other\nwhere\n", keep_going=True)

    assert told == ["other"]
    assert "line 2: profile lab was removed (use NAME changes to another)" in result.stderr
    assert result.code == 5


async def test_several_profiles_and_none_in_use(lines):
    """Are named, and nothing is sent."""
    told, result = await lines("where\nelsewhere use other\nwhere\n", keep_going=True)

    assert told == []
    assert result.stderr.count("several profiles, and none is in use: lab, other (use NAME") == 2
    assert result.code == 2


async def test_the_first_profile_replaces_the_embedded_cluster(shell, lines):
    """That a script adds by itself; another's changes nothing here either."""
    shell.add(Campus(), "campus")
    lines.store.remove("lab")
    lines.store.remove("other")

    told, _ = await lines("where\nprofile add new --endpoint https://new.example.com\nwhere\n")
    assert told == ["campus", "new"]
    lines.store.use("campus", {"campus"})
    told, _ = await lines("where\nelsewhere use new\nwhere\n")
    assert told == ["campus", "campus"]


async def test_adding_a_profile_does_not_change_to_another(shell, lines):
    """Though they have put one in use meanwhile."""
    shell.add(Campus(), "campus")
    for name in ("lab", "other"):
        lines.store.remove(name)

    add = "profile add mine --endpoint https://mine.example.com"
    told, _ = await lines(f"where\nelsewhere make other\n{add}\nwhere\nuse mine\nwhere\n")

    assert told == ["campus", "campus", "mine"]


async def test_a_line_keeps_its_profile(shell, lines):
    """Though the script has turned to another profile meanwhile."""
    lines.store.use("lab")
    program = shell.program()
    await trio.to_thread.run_sync(program.target.begin)
    kept = program.target.made

    program.target.change_to("other")

    assert program.target.of(None, kept).name == "lab"
    assert program.target.of(None).name == "other"
    assert program.target.of("other", kept).profile == OTHER


async def test_use_shows_and_changes_the_profile(lines):
    """A script's rest, and nobody else's: what other windows read stays as it was."""
    lines.store.use("lab")

    _, result = await lines("use other\nuse --output json\n")
    assert '"endpoint": "https://other.example.com"' in result.stdout
    assert lines.store.current() == "lab"
    _, result = await lines("use nope\n")
    assert "no profile named 'nope' (known: lab, other)" in result.stderr
    assert result.code == 5
    _, result = await lines("use othr\n")
    assert "did you mean other?" in result.stderr


def test_changes_by_others_are_reported_once(shell, lines):
    """With the command that takes it over; what is done here is no news."""
    lines.store.use("lab")
    target = shell.program().target
    target.begin()
    assert target.changes() == []

    lines.store.use("other")
    (told,) = target.changes()
    assert told.startswith("profile other was put in use elsewhere; here it is still lab")
    assert target.changes() == []
    lines.store.save(evolve(LAB, secret_key="NEW"))
    (told,) = target.changes()
    assert "lab was changed elsewhere" in told
    lines.store.remove("lab")
    (told,) = target.changes()
    assert told == "profile lab was removed elsewhere; here it stays as it was"
    assert target.of(None).profile == LAB
    target.change_to("other")
    assert target.changes() == []


@pytest.mark.parametrize("content", [b"\xff\xfe", b"../../etc/passwd", b"x" * 10_000_000, None])
async def test_an_invalid_current_profile(lines, content):
    """Costs a line that says how to mend it; a profile that is named works all the same."""
    lines.store.use("lab")
    path = lines.store._current
    path.unlink()
    path.mkdir() if content is None else path.write_bytes(content)

    told, result = await lines("where\nwhere --profile lab\nprofile list\n", keep_going=True)

    assert told[0] == "lab"
    assert result.stderr.count("atoll profile use NAME chooses one") == 1
    assert result.code == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"\xff", "is not in UTF-8"),
        (b"[" * 10_000, "it nests deeper than 30 levels"),
        (b"a: &a {b: *a}", "line 1: aliases (*name) are not understood here"),
        (b"endpoint: 2001-99-99", "holds a value that can't be read"),
        (b"- 1", "should hold keys and values"),
        (b"x" * 10_000_000, "is longer than 256 KiB"),
        (b"endpont: https://x.example", "unknown key endpont (did you mean endpoint"),
        (b"endpoint: https://x.example\nprotect: perhaps", "is neither yes nor no"),
    ],
)
async def test_an_invalid_profile(lines, text, problem):
    """Is told of in one line, and the others are listed."""
    path = lines.store._path("lab")
    path.write_bytes(text)

    told, result = await lines("where --profile lab\n")
    assert (told, result.code) == ([], 2)
    assert problem in result.stderr
    assert result.stderr.count("\n") == 1
    _, result = await lines("profile list --output csv\n")
    assert "other.example.com" in result.stdout
    assert problem in result.stderr


async def test_a_pipe_in_place_of_a_profile_is_not_waited_for(lines):
    import os

    path = lines.store._path("lab")
    path.unlink()
    os.mkfifo(path, 0o600)

    with trio.fail_after(60):
        _, result = await lines("where --profile lab\n")

    assert "is not a file" in result.stderr


async def test_color_and_protection_stay_when_a_profile_is_changed(lines):
    """Unless they are given anew; a color that is none is refused."""
    line = "profile add lab --endpoint https://lab.example.com"
    await lines(f"{line} --color red --protect\n{line}\n")
    assert (lines.store.load("lab").color, lines.store.load("lab").protect) == ("red", True)
    await lines(f"{line} --no-protect --color '#ff8800'\n")
    assert (lines.store.load("lab").color, lines.store.load("lab").protect) == ("#ff8800", False)
    _, result = await lines(f"{line} --color gren\n")
    assert (result.code, "did you mean green" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    "line", ["@other where", "atoll @other where", "$ atoll @other where", "where --profile other"]
)
async def test_a_line_that_names_a_profile(lines, line):
    """Goes there, and it alone."""
    lines.store.use("lab")

    told, _ = await lines(f"where\n{line}\nwhere\n")

    assert told == ["lab", "other", "lab"]


@pytest.mark.parametrize(
    ("line", "problem", "code"),
    [
        ("@nope where", "no profile named 'nope'", 5),
        ("@ where", "@ needs the name of a profile", 2),
        ("@lab", "a command is missing after @lab (use lab changes profile)", 2),
        ("@lab where --profile other", "@lab and --profile other exclude each other", 2),
        ("@lab nothing", "no such command: nothing", 2),
        ("@../x where", "'../x' can't name a profile", 2),
    ],
)
async def test_a_line_that_names_a_profile_wrongly(lines, line, problem, code):
    _, result = await lines(line)
    assert problem in result.stderr
    assert (result.code, result.stderr.count("\n")) == (code, 1)


async def test_a_job_keeps_its_profile(lines):
    """Every statement of it, whatever the script turns to meanwhile."""
    lines.store.use("lab")

    told, _ = await lines("for x in 1 2 { late; where } &\nuse other\nwhere\nrelease\n")

    assert told == ["other", "lab", "lab"]


@pytest.mark.parametrize("line", ["@other within where", "within --profile other where"])
async def test_a_line_that_a_command_runs(lines, line):
    """Goes where the command goes, unless it says otherwise itself."""
    lines.store.use("lab")

    told, _ = await lines(f"{line}\n@other within '@lab where'\nwithin where\n")

    assert told == ["other", "lab", "lab"]
