"""The language of lines, on a real cluster: at the prompt, after `-c`, in a file and piped."""

import json

import pexpect
import pytest

pytestmark = pytest.mark.slow

SLOTS = "-r cpu=0.1 -r mem=256m"


@pytest.fixture(autouse=True)
def clean(shared):
    """End what a test has left running."""
    yield
    shared.run("-c", "for s in $(ps) { rm $s --yes || rm $s }")


def test_sessions_are_kept_and_gone_over(shared, tmp_path):
    """A session is its ID; fields go by the names of the API; loops end what they were to end."""
    script = tmp_path / "script"
    script.write_text(f"""\
let s = start -q {SLOTS} -t lang-a python
start -q {SLOTS} -t lang-b python
let n = ps -f name --running --order name | first
run -q -t $s.name -c 'print("in", $X)' --exec-range X=case:1 --dry-run python > /dev/null
info $s --output jsonl
! echo "$n $s"
for s in $(ps --name-only) {{
    run -q -t $s --exec "echo from $s" python || break
    rm $s
}}
ps --name-only
""")
    result = shared.run("-f", str(script))
    lines = result.stdout.splitlines()

    assert (result.returncode, result.stderr.count("there is no")) == (0, 0), result.stderr
    other, told, first, *rest = lines
    info = json.loads(told)
    assert (len(other), first) == (len(info["id"]), f"lang-a {info['id']}")
    assert sorted(rest) == ["from lang-a", "from lang-b"]


def test_a_loop_goes_over_all_sessions(shared):
    """Not only the first that a table shows."""
    every = "ps -s ALL -f id"
    lines = f"for s in $({every}) {{ ! echo one }}; for s in $({every} | cat) {{ ! echo two }}"
    start = f"for n in 1 2 3 4 5 6 7 8 9 10 11 {{ start --enqueue-only -t all-$n {SLOTS} python }}"
    assert shared.run("-c", start).returncode == 0
    result = shared.run("-c", lines)
    count = int(shared.run("-c", "ps --all -s ALL --output jsonl | wc -l").stdout)

    assert (result.stdout.count("one"), result.stdout.count("two")) == (count, count + 2)
    assert "--all shows them" not in result.stderr


def test_a_sweep_keeps_its_variables(shared):
    """In single quotes, in double quotes and bare; another is the line's own."""
    line = (
        f"let word = hello; run -q --rm {SLOTS} --exec-range X=case:1,2 "
        '--exec "echo $word $X" -e V=$X --max-parallel 1 python'
    )
    result = shared.run("-c", line)

    assert result.returncode == 0, result.stderr
    assert sorted(one.rpartition("hello")[2] for one in result.stdout.splitlines()) == [" 1", " 2"]


@pytest.mark.parametrize("door", ["-c", "-f", "pipe"])
def test_a_session_that_is_missing(shared, tmp_path, door):
    """`||` makes it good; else the line is named, and nothing runs after it."""
    shared.run("local", "up")
    lines = "info nothing-there || ps --name-only\ninfo nothing-there && ps\nps\n"
    (tmp_path / "lines").write_text(lines)
    arguments = {"-c": ["-c", lines], "-f": ["-f", str(tmp_path / "lines")], "pipe": []}[door]
    result = shared.run(*arguments, stdin=lines if door == "pipe" else "")

    told = result.stderr.splitlines()
    assert [line.split(":")[1] for line in told] == [" line 1", " line 2"]
    assert (result.stdout, result.returncode) == ("", 5)


def test_at_the_prompt(shared):
    """A block goes on until its brace is closed; what is kept stays for later lines."""
    shared.run("local", "up")
    child = pexpect.spawn(
        str(shared.program()),
        env={**shared.environ(), "TERM": "dumb"},
        encoding="utf-8",
        timeout=60,
        echo=False,
    )
    child.expect("lists commands")
    child.sendline(f"let s = start -q {SLOTS} -t lang-p python && for x in 1 2 {{")
    child.sendline("! echo turn $x of $s")
    child.sendline("}")
    child.expect(r"turn 1 of ([0-9a-f-]{36})\r\n")
    identity = child.match[1]
    child.expect(f"turn 2 of {identity}")
    child.sendline("info $s --output json | grep '\"name\"'")
    child.expect("lang-p")
    child.sendline("echo $nothing; leave; info $nothing")
    child.expect("there is no variable nothing")
    child.sendline("rm $s && exit 3 || exit 4")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 3
