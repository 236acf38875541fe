"""What Tab offers for a line that has been typed so far."""

import time

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from atoll import Candidate, Profile
from atoll._line import parse
from atoll._profiles import ProfileStore
from atoll._shell.candidates import Candidates
from atoll._shell.completion import LineCompleter
from atoll._shell.names import Names
from atoll._shell.queries import NamesOf, PathsIn
from atoll._variables import Value, Values


@pytest.fixture
def complete(program, prompted):
    """Return what is offered at the end of a text: the texts, in order."""
    names = Names()
    names.learn(NamesOf("thing"), prompted.THINGS)
    program.target.begin()
    completer = LineCompleter(Candidates(program, names))

    def offered(before, after=""):
        document = Document(before + after, len(before))
        found = completer.get_completions(document, CompleteEvent())
        return [one.text for one in found]

    offered.names, offered.completer = names, completer
    return offered


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("ec", ["echo"]),
        ("say", ["say"]),
        ("atoll ec", ["echo"]),
        ("thing ", ["ls", "open", "show"]),
        ("thing v", ["view"]),
        ("echo hi; thing s", ["show"]),
        ("wait & thi", ["thing"]),
        ("ghos", []),
        ("help thing s", ["show"]),
        ("family ", ["child"]),
        ("family child --de", ["--depth"]),
        ("broken ", []),
        ("echo ", ["--output", "--profile", "--help"]),
        ("broken --", []),
        ("nothing such ", []),
        ("echo x | no-such-program", []),
        ("echo # x", []),
    ],
)
def test_commands(complete, before, expected):
    """Groups, aliases, new statements, click's own groups; nothing for what can't be loaded."""
    assert complete(before) == expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("explain thi", ["thing"]),
        ("explain thing s", ["show"]),
        ("explain thing show --c", ["--color"]),
        ("explain thing show --color g", ["green"]),
        ("explain thing show --color=g", ["--color=green"]),
        ("explain thing show 'beta o", ["'beta one'"]),
        ("explain 5 thing show al", ["alpha"]),
        ("explain 'thi", ["thing"]),
        ("explain 5 'thing show --color g", ["green"]),
        ("explain 'echo; thing show al", ["alpha"]),
        ("explain 'thing show be", []),  # it would need the same quotes
        ('explain "thing show be', ["'beta one'"]),
        ("explain --output js", ["json", "jsonl"]),
        ("explain --out", ["--output"]),
        ("explain --output json thing show --c", ["--color"]),
        ("explain explain thing show al", ["alpha"]),
        ("explain ! no-such-program", []),
        ("alias x = thing show --c", ["--color"]),
        ("let x = thing show --c", ["--color"]),
        ("wait && explain thing show --c", ["--color"]),
        ("for x in $(thing show --c", ["--color"]),
    ],
)
def test_a_command_within_another(complete, before, expected):
    """Has its own options, and their values."""
    assert complete(before) == expected


def test_names_come_from_the_profile_of_the_line(complete, program):
    """Whether a command, one within another, or an alias names it."""
    aliases = "at: '@lab thing show'\nto: thing show --profile lab\n"
    program.paths.config.mkdir(mode=0o700, parents=True)
    (program.paths.config / "aliases.yaml").write_text(aliases)
    lines = "@lab explain thing show ", "explain @lab thing show ", "at ", "to ", "explain to "
    for line in lines:
        _, offer = complete.completer.parse(Document(line))
        assert offer.queries == (NamesOf("thing", "lab"),)


def test_a_word_without_a_match_is_matched_by_its_letters(complete):
    """The closest match comes first; beginnings win over it."""
    assert complete("thg") == ["thing"]
    assert complete("thing sw") == ["show"]


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("--c", ["--color"]),
        ("--la", ["--label"]),
        ("--color red --c", []),
        ("--tag x --t", ["--tag"]),
        ("--n", ["--none", "--near"]),
        ("-a --al", []),
        ("--in", ["--into"]),
        ("-- --c", []),
        ("--color ", ["red", "green"]),
        ("--color g", ["green"]),
        ("--color=g", ["--color=green"]),
        ("-ac ", ["red", "green"]),
        ("--output js", ["json", "jsonl"]),
        ("--near be", ["'beta one'"]),
    ],
)
def test_options(complete, before, expected):
    """Those not given yet, in the spelling that was begun, and their values."""
    assert complete(f"thing show {before}") == expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("", ["alpha", "'beta one'", "'it'\"'\"'s'"]),
        ("al", ["alpha"]),
        ("alpha b", ["'beta one'"]),
        ("alpha alp", []),
        ("'beta o", ["'beta one'"]),
        ('"beta o', ['"beta one"']),
        ("beta\\ o", ["'beta one'"]),
        ('"it', ['"it\'s"']),
        ("--color red a", ["alpha"]),
        ("-c red a", ["alpha"]),
        ("-cred a", ["alpha"]),
    ],
)
def test_names_are_quoted_as_they_need(complete, before, expected):
    """Names of the snapshot, those given already left out; quotes that were begun are kept."""
    assert complete(f"thing show {before}") == expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("thing open alpha ", ["notes", "deep/"]),
        ("thing open alpha .", [".hidden"]),
        ("thing open alpha notes d", ["deep/"]),
        ("thing open alpha deep/", ["'deep/one more'"]),
        ("thing open alpha 'deep/o", ["'deep/one more'"]),
        ("thing open alpha --like deep/", ["'deep/one more'"]),
        ("thing open --like ", []),
        ("thing open alpha other/", []),
    ],
)
def test_paths_are_completed_within_the_named_folder(complete, before, expected):
    """By the folder that was typed; nothing that is not known."""
    for folder, found in (
        ("", ["notes", ".hidden", "deep/"]),
        ("deep", ["deep/one more", "deep/.hidden"]),
    ):
        complete.names.learn(PathsIn("file", "alpha", folder), list(map(Candidate, found)))
    assert complete(before) == expected


def test_options_carry_their_help(program):
    """It is shown beside them."""
    completer = LineCompleter(Candidates(program, Names()))

    (found,) = completer.get_completions(Document("thing show --col"), CompleteEvent())

    assert found.display_meta_text == "Which colour."


def test_files(complete, here):
    """Paths are completed for parameters and redirections, and read back as themselves."""
    (here / "my data").mkdir()
    (here / "my data" / "a&b.txt").touch()
    (here / "notes.txt").touch()
    (here / ".hidden").touch()

    assert complete("thing show --into ") == ["'my data/'", "notes.txt"]
    assert complete("thing show --below ") == ["'my data/'"]
    assert complete("echo x > no") == ["notes.txt"]
    assert complete("read < .h") == [".hidden"]
    assert complete("thing show --into 'my d") == ["'my data/"]
    (found,) = complete("echo > 'my data/a")
    assert found == "'my data/a&b.txt'"
    (statement,) = parse(f"echo > {found}")
    assert str(statement.target) == "my data/a&b.txt"


def test_files_below_home_keep_their_tilde(complete, here, monkeypatch):
    """The tilde stays outside the quotes, where it means the home folder."""
    monkeypatch.setenv("HOME", str(here))
    (here / "my file").touch()

    assert complete("thing show --into ~/m") == ["~/'my file'"]
    assert parse("cat ~/'my file'")[0].words[1] == str(here / "my file")


def test_profiles(complete, program):
    """Their names come from the folder, without reading what is in them."""
    ProfileStore(program.paths).save(Profile(name="lab", endpoint="https://lab.example"))

    assert complete("profile use ") == ["lab"]
    assert complete("echo --profile l") == ["lab"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("thing show |", "alpha"),
        ("@here thing show |", "omega"),
        ("atoll @here thing show |", "omega"),
        ("thing show --profile here |", "omega"),
        ("thing show --profile=here |", "omega"),
        ("thing show | --profile here", "omega"),
        ("thing show | # --profile here", "alpha"),
        ("thing show |; echo --profile here", "alpha"),
        ("@there thing show |", None),
        ("@environment thing show |", "alpha"),
        ("@here thing open omega |", "deep/one"),
        ("@there thing open omega |", None),
    ],
)
def test_names_are_those_of_the_profile_of_the_line(complete, line, expected):
    """Or none: nothing is known of `there`. `|` is where the cursor stands."""
    complete.names.learn(NamesOf("thing", "here"), [Candidate("omega")])
    complete.names.learn(PathsIn("file", "omega", "", "here"), [Candidate("deep/one")])
    complete.names.learn(PathsIn("file", "omega", ""), [Candidate("notes")])
    before, _, after = line.partition("|")
    assert next(iter(complete(before, after)), None) == expected


def test_profiles_after_an_at(complete, program):
    """One, more after a comma, or all."""
    for name in ("lab", "home"):
        ProfileStore(program.paths).save(Profile(name=name, endpoint="https://lab.example"))

    assert complete("@") == ["@home", "@lab", "@*"]
    assert complete("@l") == ["@lab"]
    assert complete("@lab,") == ["@lab,home"]
    assert complete("@lab thi") == ["thing"]
    assert complete("thing @") == []
    assert complete("use ") == ["home", "lab"]


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("echo $no", ["$node", "$nodes"]),
        ('echo "$nodes', ["$nodes"]),
        ("echo ${node", ["${node}", "${nodes}"]),
        ("echo $node.", ["$node.id", "$node.name"]),
        ("echo $nodes.", []),
        ("echo $HERE_I", ["$HERE_IS"]),
        ("for n in $no", ["$node", "$nodes"]),
        ("for n in $(thing s", ["show"]),
        ("for n in $(echo) { thing s", ["show"]),
        ("for n in a {\nthing s", ["show"]),
        ("for n in a { echo } && thing s", ["show"]),
        ("let n = thing s", ["show"]),
        ("atoll let n = thing s", ["show"]),
        ("echo '$no", []),
        ("! echo $no", ["$node", "$nodes"]),
    ],
)
def test_variables_and_statements_in_blocks(complete, program, before, expected):
    """Those that are kept, then those of the environment; fields of what is one record."""
    record = Value("a1", {"id": "a1", "name": "a"})
    program.variables.environ = {"HERE_IS": "x"}
    program.variables.kept = {
        "node": Values([record], are_records=True),
        "nodes": Values([record, record], are_records=True),
    }
    assert complete(before) == expected


def test_many_names(complete):
    """Of a folder of 100,000 files elsewhere, the first rows are shown and the others told of."""
    found = [Candidate(f"run-{number:06}.log") for number in range(100_000)]
    complete.names.learn(PathsIn("file", "alpha", ""), found)
    completer = complete.completer

    began = time.process_time()
    rows = completer.rows(Document("thing open alpha "))
    assert len(rows.shown) == 201
    assert rows.shown[-1].display_text == "… 99800 more: type more letters"
    assert rows.becomes.text == "run-0"
    assert len(completer.rows(Document("thing open alpha run-09999")).shown) == 10
    (last,) = completer.rows(Document("thing open alpha r99999")).shown
    assert last.text == "run-099999.log"
    assert not completer.rows(Document("thing open alpha " + "x" * 30_000)).shown
    assert time.process_time() - began < 4
