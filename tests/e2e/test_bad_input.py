"""What can't be done is told in one line, and nothing is started for it."""

import os

import pytest

pytestmark = pytest.mark.slow

NO_TEXT = os.fsdecode(b"\xff")
SWEEP = ["run", "--exec", "echo $X"]


@pytest.fixture(scope="module")
def untouched(shared):
    """A cluster in which there is no session in the end either."""
    shared.run("local", "up")
    yield shared
    assert shared.run("ps", "-s", "ALL", "--name-only").stdout == ""


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([*SWEEP, "--exec-range=X=range:1,6", "python"], 2, "three numbers are needed"),
        ([*SWEEP, "--exec-range=X=range:1,6,0", "python"], 2, "the step is zero"),
        ([*SWEEP, "--exec-range=X=linspace:1,2,x", "python"], 2, "'x' is not a number"),
        ([*SWEEP, "--exec-range=X=1..6", "python"], 2, "not of the form X=case:"),
        ([*SWEEP, "--exec-range=X=range:0,1000000000,1", "python"], 2, "1,000,000,000 cases"),
        ("run -c 1 -r foo=1 python", 1, "unknown resource slot: foo (this machine has cpu, mem)"),
        ("run -c 1 -r cuda.shares=1 python", 1, "unknown resource slot: cuda.shares"),
        ("run -c 1 -r gpu=1 python", 1, "have names like cuda.shares"),
        ("run -c 1 -r shmem=64m python", 1, "--resource-opts shmem=64m"),
        ("start -r mem=900g python", 1, "--slots mem=900g"),
        ("run -c 1 -r mem=abc python", 2, "-r mem=abc: not an amount"),
        ("run -c 1 -r cpu=-1 python", 2, "-r cpu=-1: not an amount"),
        ("run -c 1 -r cpu=999 python", 1, "cpu: 999 requested, this machine has"),
        ("run -c 1 -r mem=99t python", 1, "mem: 99 TiB requested, this machine has"),
        ("run -c 1 -r mem=1 python", 1, "needs cpu 0.1, mem 256 MiB"),
        ("run -c 1 --resource-opts shmem=64g python", 1, "shmem must be less than mem"),
        ("run -c 1 --assign-agent i-other python", 1, "there is no agent 'i-other'"),
        ("run -c 1 -v nothing python", 5, "no folder 'nothing'"),
        ("run -c 1 -g strangers python", 5, "no group 'strangers'"),
        ("run --exec true python nothing.py", 5, "nothing.py: no such file"),
        ("run --exec true python pipe", 2, "pipe is neither a file nor a folder"),
        ("run -c 1 --bootstrap-script nothing python", 2, "'nothing' does not exist"),
        ("run -c 1 -e FOO python", 2, "-e FOO: not of the form KEY=VAL"),
        ("run -c 1 -t a- python", 1, "name: must be 1 to 64 letters"),
        ("run -c 1 -t a/b python", 1, "must be 1 to 64 letters"),
        ("run -c 1 --type batch python", 2, "a batch session needs a command"),
        ("start --starts-at 1h python", 2, "--starts-at is for batch sessions"),
        ("start --type batch -c true --starts-at soon python", 1, "neither a time nor a duration"),
        ("run -c 1 pyhton", 5, "did you mean python"),
        ("run python", 2, "there is nothing to run"),
        (["run", "-c", NO_TEXT, "python"], 2, "is not text in UTF-8"),
        (["run", "--exec", NO_TEXT, "python"], 2, "is not text in UTF-8"),
        (["run", "-e", f"A={NO_TEXT}", "-c", "1", "python"], 2, "'\\udcff' is not text in UTF-8"),
        (["start", "--tag", f"a {NO_TEXT}", "python"], 2, "'\\udcff' is not text in UTF-8"),
        (["info", NO_TEXT], 2, "'\\udcff' is not text in UTF-8"),
        (["profile", "add", "x", "--endpoint", f"http://{NO_TEXT}"], 2, "the endpoint"),
        ("ps -f id,nme", 2, "unknown field: nme (did you mean name?)"),
        ("ps -f id,nothing", 2, "unknown field: nothing (known: id, name, "),
        ("ps -s FOO", 2, "no such status: 'FOO' (known: ALL, PENDING, "),
        (["ps", "-s", ""], 2, "no such status: ''"),
        (["start", "-t", "", "python"], 2, "--name: it is empty"),
        (["start", "-o", "", "python"], 2, "'--owner' / '--owner-access-key': it is empty"),
        (["admin", "session", ""], 5, "no session has the name or id ''"),
        (["admin", "user", ""], 2, "name one user"),
        (["admin", "domain", ""], 2, "name one domain"),
        ("admin agents -s FOO", 2, "'FOO' is not one of"),
        ("admin resources usage-per-month 20261", 2, "'20261' is not like 202611"),
        ("admin resources usage-per-month 202613", 2, "'202613' is not like 202611"),
        ("admin resources usage-per-period default 20261105 1", 2, "'1' is not like 20261105"),
        (
            "admin resources usage-per-period default 20261105 20261104",
            2,
            "the end, 20261104, is before the start, 20261105",
        ),
        ("ps --filter nothing==1", 1, "Unknown/unsupported field name: nothing"),
        (["ps", "--filter", "name =="], 2, "--filter, character 8: expected a value, not the end"),
        (["ps", "--filter", 'name == "a") | (name == "b"'], 2, "character 12: expected & or |"),
        ("ps --order name,", 2, "--order, character 6: expected a field"),
        ("rm nobody", 5, "no session has the name or id 'nobody'"),
    ],
)
def test_one_line_says_what_is_wrong(untouched, tmp_path, monkeypatch, words, code, said):
    """The exit code tells usage errors, refusals and what was not found apart."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    words = words.split() if isinstance(words, str) else words
    result = untouched.run(*words, timeout=60)

    assert said in result.stderr
    assert result.stderr.startswith("atoll: ")
    assert (result.stderr.count("\n"), result.stdout, result.returncode) == (1, "", code)
