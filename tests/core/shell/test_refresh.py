"""Names are asked for in the background, while the prompt is used."""

import asyncio

import click
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from atoll import Candidate, Origin, Profile
from atoll._failures import Failures
from atoll._profiles import ProfileStore
from atoll._shell.contexts import shell_context
from atoll._shell.names import Names, names_of
from atoll._shell.queries import NamesOf, Offer, PathsIn, ValuesOf
from atoll._shell.refresh import Refresher
from atoll._state import ShellState


class Rounds:
    """A refresher at work, and the end of its next round to wait for."""

    def __init__(self, program):
        program.target.begin()
        self.names = names_of(program)
        self.state = ShellState()
        self._send, self._ended = trio.open_memory_channel(100)
        context = shell_context(program, self.state)
        self.refresher = Refresher(program, self.names, self.state, context, self._note)

    def _note(self):
        self._send.send_nowait(None)

    async def round(self):
        """Wait for the end of a round."""
        with trio.fail_after(60):
            await self._ended.receive()

    def texts(self):
        """Return the names that are offered now."""
        return [one.text for one in self.names.of(NamesOf("thing")) or ()]


@pytest.fixture
async def rounds(program):
    """A refresher in the background of the test."""
    one = Rounds(program)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.refresher.run)
        yield one
        nursery.cancel_scope.cancel()


async def test_the_first_key_asks(rounds, prompted):
    """After that, names are fresh for as long as their plugin says."""
    rounds.refresher.typed()
    await rounds.round()
    rounds.refresher.typed()
    await wait_all_tasks_blocked()

    assert rounds.texts() == ["alpha", "beta one", "it's"]
    assert prompted.ASKED == ["environment"]


async def test_the_next_prompt_knows_them_at_once(rounds, program):
    """The snapshot of a profile is there before its cluster is asked again."""
    rounds.refresher.typed()
    await rounds.round()
    next_names = Names()
    api = await program.connect_if_up()
    next_names.switch(program.paths.cache, api.profile)

    assert next_names.of(NamesOf("thing")) == rounds.names.of(NamesOf("thing"))


async def test_a_cluster_that_is_down(rounds, prompted, program, capsys):
    """The old names stay, the toolbar is told, and it is not asked again at each key."""
    rounds.refresher.typed()
    await rounds.round()
    rounds.refresher._next.clear()
    prompted.ANSWERS.append(prompted.unreachable())
    rounds.refresher.typed()
    await rounds.round()
    rounds.refresher.typed()
    await wait_all_tasks_blocked()

    assert rounds.texts() == ["alpha", "beta one", "it's"]
    assert rounds.state.names_old
    assert len(prompted.ASKED) == 2
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (LookupError("a bug"), "raised LookupError: a bug"),
        (SystemExit(5), "raised SystemExit: 5"),
        (BaseException("worse"), "raised BaseException: worse"),
        (KeyboardInterrupt(), "raised KeyboardInterrupt"),
        (asyncio.CancelledError(), "raised CancelledError"),
        (42, "raised TypeError"),
        (None, "raised TypeError"),
        ("alpha", "one text, not several"),
        ([b"alpha"], "it gave bytes"),
        ([Candidate(1)], "it gave Candidate, not texts or Candidates of texts"),
    ],
)
async def test_a_plugin_that_fails_costs_its_own_names(
    rounds, prompted, program, capsys, answer, told
):
    """One line, and its last failure is kept for `plugins`; later it is asked again."""
    for _ in range(2):
        prompted.ANSWERS.append(answer)
        rounds.refresher._next.clear()
        rounds.refresher.typed()
        await rounds.round()

    assert rounds.texts() == []
    assert not rounds.state.names_old
    (line,) = capsys.readouterr().err.splitlines()
    assert "atoll-prompted 1.0" in line
    assert "its completion 'thing'" in line
    assert told in line
    (failure,) = Failures.of(program.paths).all()
    assert (failure.plugin, failure.expected) == ("prompted", False)
    assert told in failure.what
    rounds.refresher._next.clear()
    rounds.refresher.typed()
    await rounds.round()
    assert rounds.texts() == ["alpha", "beta one", "it's"]
    assert Failures.of(program.paths).all() == []


@pytest.mark.parametrize(("running", "asked"), [("nothing_runs", []), ("one_runs", ["offered"])])
async def test_nothing_is_started_for_completion(shell, prompted, running, asked):
    """Where no profile is configured, a cluster is asked only if it runs already."""
    shell.add(prompted.Prompted(), "prompted")
    shell.add(prompted.Offering(running), "offering")
    one = Rounds(shell.program())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.refresher.run)
        one.refresher.typed()
        await one.round()
        nursery.cancel_scope.cancel()

    assert asked == prompted.ASKED
    assert not one.state.names_old


async def test_another_profile_has_other_names(rounds, program, prompted):
    """Its cluster is asked at once, however fresh the other's names are."""
    rounds.refresher.typed()
    await rounds.round()
    program.environ["BACKEND_ENDPOINT"] = "http://127.0.0.1:10"
    program.target.used()
    prompted.ANSWERS.append(["gamma"])
    rounds.refresher.note_command()
    await rounds.round()

    assert rounds.texts() == ["gamma"]


async def test_an_answer_of_the_previous_profile_is_ignored(rounds, program, prompted, monkeypatch):
    """It was on its way when the profile changed: it neither gives names nor tells of none."""
    begun, released = trio.Event(), trio.Event()

    async def things(api):
        if api.profile.endpoint.endswith(":10"):
            return ["gamma"]
        begun.set()
        await released.wait()
        return ["old"]

    monkeypatch.setattr(prompted, "things", things)
    rounds.refresher.typed()
    with trio.fail_after(60):
        await begun.wait()
    program.environ["BACKEND_ENDPOINT"] = "http://127.0.0.1:10"
    program.target.used()
    rounds.refresher.note_command()
    await rounds.round()
    released.set()
    for _ in ("the old answer", "the new one"):
        await rounds.round()

    assert rounds.texts() == ["gamma"]


def test_values_of_parameters_are_kept_when_the_profile_changes(program, tmp_path):
    """They were told nothing of it; paths in its sessions go with it."""
    names = names_of(program)
    option = click.Option(["--like"])
    own = ValuesOf(Origin("p", "p", "d", "1"), click.Command("pick"), option, (), "slo")
    there = PathsIn("file", "alpha", "")
    for query in (own, there):
        names.learn(query, [Candidate("known")])
    names.switch(tmp_path, Profile(name="lab", endpoint="http://127.0.0.1:10"))

    assert names.of(own) == [Candidate("known")]
    assert names.of(there) is None


async def test_names_that_the_line_needs_are_queried(rounds, prompted):
    """What lies at its spot, until a command has run that may have changed it."""
    spot = PathsIn("file", "alpha", "deep")
    rounds.refresher.find_offer = lambda: Offer(queries=(spot,))
    for _ in range(2):
        rounds.refresher.typed()
        await wait_all_tasks_blocked()
    # A round may end with nothing to ask for.
    while rounds.names.of(spot) is None or not rounds.texts():
        await rounds.round()
    rounds.refresher.note_command()
    while prompted.ASKED.count("alpha:deep") < 2:
        await rounds.round()

    found = [one.text for one in rounds.names.of(spot)]
    assert found == ["deep/notes", "deep/.hidden", "deep/deep/"]
    assert sorted(prompted.ASKED) == ["alpha:deep", "alpha:deep", "environment"]


async def test_a_damaged_snapshot_is_ignored(program):
    """Nothing is offered, and nothing fails."""
    api = await program.connect_if_up()
    names = Names()
    names.switch(program.paths.cache, api.profile)
    names.learn(NamesOf("thing"), [Candidate("a")])
    names.save()
    (names.folders[""] / "thing.json").write_text('{"thing": 3}')
    again = Names()
    again.switch(program.paths.cache, api.profile)

    assert again.of(NamesOf("thing")) is None


async def test_the_cluster_that_a_line_names_is_asked(rounds, program, prompted):
    """For names of its own, which are none of the profile in use."""
    ProfileStore(program.paths).save(Profile(name="lab", endpoint="http://127.0.0.1:9"))
    named = NamesOf("thing", "lab")
    rounds.refresher.typed()
    await rounds.round()
    prompted.ANSWERS.append(["gamma"])
    rounds.refresher.find_offer = lambda: Offer(queries=(named,))
    rounds.refresher.typed()
    await rounds.round()

    assert [one.text for one in rounds.names.of(named)] == ["gamma"]
    assert rounds.texts() == ["alpha", "beta one", "it's"]
    assert prompted.ASKED == ["environment", "lab"]


async def test_a_line_with_an_unknown_profile(rounds, program):
    """Has no names, and is no trouble of the profile in use."""
    named = NamesOf("thing", "nope")
    rounds.refresher.find_offer = lambda: Offer(queries=(named,))
    rounds.refresher.typed()
    for _ in ("the one in use", "the other"):
        await rounds.round()

    assert rounds.names.of(named) == ()
    assert not rounds.state.names_old


async def test_nothing_of_the_previous_profile_is_offered(rounds, program):
    """From the moment at which the prompt turns to another."""
    ProfileStore(program.paths).save(Profile(name="lab", endpoint="http://127.0.0.1:10"))
    rounds.refresher.typed()
    await rounds.round()
    assert rounds.texts()

    program.target.change_to("lab")
    rounds.refresher.note_command()

    assert rounds.names.of(NamesOf("thing")) is None
