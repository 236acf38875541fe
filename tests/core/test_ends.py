"""How commands end, whatever a plugin does, at each front door: one line, and an exit code."""

import pytest

NAMED = "plugin 'awkward' (atoll-awkward 9)"
BUG = f"internal error in {NAMED}: "
EXIT_CODE = ", and not None or an exit code from 0 to 255"

ENDS = [
    ("ends exit5", "", 5),
    ("ends exit0", "", 0),
    ("ends exittext", "it said so", 1),
    ("ends exit999", f"{BUG}it returned 999{EXIT_CODE}", 1),
    ("ends base", f"{BUG}Odd: odd", 1),
    ("ends cancelled", f"{BUG}CancelledError: gone", 1),
    ("ends group", "", 6),
    ("ends oddgroup", "told", 1),
    ("ends usage", "ends: not so (atoll ends --help)", 2),
    ("ends bad", "ends: invalid value: not this (atoll ends --help)", 2),
    ("ends click", "It broke", 1),
    ("ends file", "Could not open file 'some.txt': gone", 1),
    ("ends abort", "aborted", 1),
    ("ends fail", "ends: it can't (atoll ends --help)", 2),
    ("ends ctxexit", "", 7),
    ("ends os", "/no/such/file: No such file or directory", 1),
    ("ends-sync exit5", "", 5),
    ("ends-sync exittext", "it said so", 1),
    ("ends-sync base", f"{BUG}Odd: odd", 1),
    ("ends-sync click", "It broke", 1),
    ("nested", "", 8),
    ("returns 256", f"{BUG}it returned 256{EXIT_CODE}", 1),
    ("returns -- -1", f"{BUG}it returned -1{EXIT_CODE}", 1),
    ("returns text", f"{BUG}it returned 'text'{EXIT_CODE}", 1),
    ("returns True", f"{BUG}it returned True{EXIT_CODE}", 1),
    ("returns 3.5", f"{BUG}it returned 3.5{EXIT_CODE}", 1),
    ("returns object", f"{BUG}it returned an object of class object{EXIT_CODE}", 1),
    ("returns list", "", 4),
    ("returns 255", "", 255),
    ("returns None", "", 0),
    ("param --how exit5", f"{NAMED}: option --how raised SystemExit: 5", 1),
    ("param --how base", f"{NAMED}: option --how raised Odd: odd", 1),
    ("param --how cancelled", f"{NAMED}: option --how raised CancelledError: gone", 1),
    ("param --how usage", "param: not so (atoll param --help)", 2),
    ("param --how ctxexit", "", 7),
    ("param --odd 3", f"{NAMED}: option --odd raised ValueError: a type of mine", 1),
    ("lazy", f"{NAMED}: ", 1),
    ("refused", f"{NAMED}: the callback of refused does not take (context, x)", 1),
    ("wrong", f"{BUG}RuntimeError: click can't ask in an async callback", 1),
]
NO_LOOP = ("loops-not", f"{BUG}there is no asyncio loop for aio() here", 1)


def is_told(text: str, message: str) -> bool:
    """Whether nothing was said, or one line that begins with a message."""
    lines = text.splitlines()
    return lines == [] if not message else len(lines) == 1 and message in lines[0]


@pytest.mark.parametrize(("line", "message", "code"), [*ENDS, NO_LOOP])
def test_one_command(doors, line, message, code):
    done = doors.run(*line.split())
    assert (done.stdout, done.code) == ("", code)
    assert is_told(done.stderr, f"atoll: {message}" if message else "")


@pytest.mark.parametrize("line", ["loops", "ends base", "param --how base"])
def test_a_script_continues_with_keep_going(doors, line):
    done = doors.run("--keep-going", "-c", f"{line}\nplain after")
    assert "hello after" in done.stdout


def test_a_script(doors):
    """Each line that fails is named, and told no more than once."""
    lines = [line for line, _, _ in ENDS]
    done = doors.run("--keep-going", "-c", "\n".join(lines))
    said = done.stderr.splitlines()

    expected = [
        f"atoll: line {number}: {message or f'{line!r} ended with exit code {code}'}"
        for number, (line, message, code) in enumerate(ENDS, start=1)
        if code
    ]
    assert len(said) == len(expected)
    for got, wanted in zip(said, expected, strict=True):
        assert got.startswith(wanted)
    assert done.code == 5


def test_the_prompt(doors):
    """It stays, whatever happens, and says what a single command would."""
    with doors.prompt() as ask:
        for line, message, _ in ENDS:
            said = ask(line)
            assert is_told(said.strip("\n"), message), (line, said)
