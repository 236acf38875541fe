"""Lines that make no sweep: one line each, before anything starts."""

import pytest

import atoll_rest
import atoll_sessions

pytest_plugins = ["atoll.testing"]


@pytest.fixture
def sweeping(shell):
    """A shell without any cluster: what asks for one fails otherwise than the tests expect."""
    shell.add(atoll_sessions)
    return shell


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--exec-range=X=range:1,6,0", "X=range:1,6,0: the step is zero"),
        ("--env-range X=1..6", "not of the form"),
        ("--exec-range=X=case:1 --env-range=X=case:1", "X has more than one range"),
        ("--exec-range=X=range:0,1000000000,1", "1,000,000,000 cases are too many"),
        ("--exec-range=X=range:0,1000000000,1 --yes", "1,000,000,000 cases are too many"),
        ("--exec-range=X=range:0,10001,1", "Run 10,001 cases? (--yes answers yes)"),
        ("--exec-range=X=case:1 -e FOO", "-e FOO: not of the form KEY=VAL"),
        ("--exec-range=X=case:1 --max-parallel 0", "--max-parallel"),
        ("--exec-range=X=case:1 --enqueue-only", "a sweep waits for its sessions"),
        (f"--exec-range=X=case:1 -t {'n' * 60}", "too long"),
        ("--exec-range=X=case:1 -t 'a b'", "can't be the name"),
        ("--detach", "--detach is for sweeps"),
        ("--dry-run", "--dry-run is for sweeps"),
    ],
)
async def test_refused_in_one_line(sweeping, options, message):
    """With the exit code of a usage error, and no sweep left behind."""
    result = await sweeping.run(f"run --rm --exec 'echo $X' {options} python")

    assert (result.code, result.stdout) == (2, "")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (sweeping.home / "state" / "sweeps").exists()


async def test_a_dry_run_shows_the_cases(sweeping):
    """As they would run; each variable is put in where its range says."""
    line = """run --dry-run --output csv -t exp --exec 'f $X $Y $B $HOME' --build 'make $B' \\
        -e 'V=<$Y$X>' --exec-range=X=linspace:1,2,2 --env-range=Y=case:a,b \\
        --build-range=B=case:z python"""
    result = await sweeping.run(line)

    assert result.code == 0
    assert result.stdout.splitlines() == [
        "X,Y,B,session,command,build,env",
        "1,a,z,exp-0001,f 1 $Y $B $HOME,make z,V=<a$X>",
        "1,b,z,exp-0002,f 1 $Y $B $HOME,make z,V=<b$X>",
        "2,a,z,exp-0003,f 2 $Y $B $HOME,make z,V=<a$X>",
        "2,b,z,exp-0004,f 2 $Y $B $HOME,make z,V=<b$X>",
    ]
    assert result.stderr == "4 cases\n"
    assert not (sweeping.home / "state").exists()


async def test_variables_that_are_put_in_nowhere_are_told(sweeping):
    """Since a typing error is likelier than a wish to do the same thing over and over."""
    result = await sweeping.run(
        "run --dry-run --exec 'echo $Y' --env-range=Y=case:a,b python", keep_going=True
    )

    assert "$Y is not used" in result.stderr
    assert result.code == 0


async def test_parameters_named_like_other_columns(sweeping):
    """Both are there."""
    result = await sweeping.run(
        "run --dry-run --output jsonl --exec 'x $session' --exec-range=session=case:a python"
    )

    assert '"$session": "a"' in result.stdout
    assert '"session": ' in result.stdout


async def test_no_sweeps(sweeping):
    """Looking for one that is not there is told in one line."""
    assert (await sweeping.run("sweep list --output json")).stdout == "[]\n"
    for line in ("status", "status s-1", "logs s-1", "cancel s-1", "resume s-1", "rm s-1"):
        result = await sweeping.run(f"sweep {line}")
        assert (result.code, result.stderr.count("\n")) == (5, 1)


async def test_a_cluster_that_was_never_reached(sweeping):
    """It is not waited for, and no sweep is left."""
    sweeping.add(atoll_rest, "rest")
    keys = {"BACKEND_ACCESS_KEY": "AK", "BACKEND_SECRET_KEY": "SK"}
    sweeping.environ.update(keys, BACKEND_ENDPOINT="http://127.0.0.1:9")
    result = await sweeping.run("run -q --exec 'echo $X' --exec-range=X=case:1,2 python")

    assert result.code == 3
    assert result.stderr.count("\n") == 1
    assert (await sweeping.run("sweep list --output json")).stdout == "[]\n"


@pytest.mark.parametrize("verb", ["rm", "cancel", "status", "logs", "resume"])
async def test_an_empty_name_is_that_of_no_sweep(sweeping, verb):
    """It comes of a script's unset variable, and must not hit the newest."""
    folder = sweeping.home / "state" / "sweeps" / "s-1234"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_text("{}")
    result = await sweeping.run(f"sweep {verb} ''")

    assert result.code == 5
    assert result.stderr.startswith("atoll: line 1: no sweep has the id ''")
    assert folder.exists()
