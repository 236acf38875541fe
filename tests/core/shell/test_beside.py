"""What plugins do beside the prompt: tasks, keys, segments, completion without a cluster. Whatever
they do wrong costs a line.
"""

import os
import signal
from itertools import pairwise

import pytest
import trio
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from atoll import KeyPress, Origin, ShellState, Status
from atoll._failures import Failures
from atoll._plugins import Provided
from atoll._shell import slow_calls, toolbar
from atoll._shell.background import Supervisor
from atoll._shell.candidates import Candidates
from atoll._shell.completion import LineCompleter
from atoll._shell.contexts import shell_context
from atoll._shell.keys import bindings
from atoll._shell.names import names_of
from atoll._shell.refresh import Refresher

CTRL_D, TAB = "\x04", "\t"
CURSOR = "\x1b[3;1R"
"""What a terminal answers when it is asked where its cursor is; the toolbar is drawn after that."""
F5, F6, F7, F8 = "\x1b[15~", "\x1b[17~", "\x1b[18~", "\x1b[19~"
FAULTS = {
    "leaves": "its background task 'leaves' raised SystemExit: 3",
    "is_cancelled": "its background task 'is_cancelled' raised CancelledError",
    "is_grouped": "its background task 'is_grouped' raised SystemExit: 3",
    "complains": "its background task 'complains': the tide is out",
    "is_sync": "its background task 'is_sync' raised TypeError",
    "nowhere": "loading beside:nowhere raised AttributeError",
}


@pytest.fixture
def offer(shell, beside):
    """Make a program with the plugin of `beside.py`, and some of its tasks."""

    def make(*tasks):
        shell.add(beside.Beside(*tasks), "beside")
        return shell.program()

    return make


class TestTasks:
    """Tasks that live as long as the prompt."""

    def test_a_task_prints_a_line_and_redraws_the_toolbar(self, open_prompt):
        """While a line is typed, which stays."""
        terminal = open_prompt(tasks=["counts"], PROMPT_TOOLKIT_NO_CPR="")
        terminal.type(CURSOR)
        terminal.see("counted to")
        terminal.type(CURSOR)
        terminal.see("counted 7")
        terminal.type("echo st'i'll\r")
        terminal.see("still\r\n")

    def test_faults_cost_a_line_each(self, open_prompt):
        """At the prompt, which goes on; `plugins` tells them as well."""
        terminal = open_prompt(tasks=[*FAULTS, "needs_cluster"], columns=200)
        told = ""
        while not all(fault in told for fault in FAULTS.values()):
            told += terminal.see("\n")
        terminal.run("plugins --output json", "the tide is out")
        terminal.type(CTRL_D)
        assert terminal.ended() == 0
        assert "needs_cluster" not in told

    async def test_a_failing_task_is_reported_once_and_retried_a_few_times(
        self, offer, beside, capsys, monkeypatch, autojump_clock
    ):
        """Later each time, and then no more."""
        tried = []

        async def fails(_context, _shell):
            tried.append(trio.current_time())
            raise LookupError("always")

        monkeypatch.setattr(beside, "leaves", fails)
        program = offer("leaves")
        await Supervisor(program, ShellState()).run()

        waits = [round(later - earlier) for earlier, later in pairwise(tried)]
        assert waits == [1, 2, 4, 8]
        (line,) = capsys.readouterr().err.splitlines()
        assert "atoll-beside 1.0" in line
        assert "LookupError: always" in line
        (failure,) = Failures.of(program.paths).all()
        assert failure.what.endswith("raised LookupError: always")

    async def test_the_failure_of_a_recovered_task_is_removed(
        self, offer, beside, capsys, monkeypatch, autojump_clock
    ):
        """Its failure is no longer told of."""
        faults = [LookupError("once"), LookupError("once")]

        async def fails_at_first(_context, _shell):
            if faults:
                raise faults.pop()

        monkeypatch.setattr(beside, "leaves", fails_at_first)
        program = offer("leaves")
        await Supervisor(program, ShellState()).run()

        assert len(capsys.readouterr().err.splitlines()) == 1
        assert Failures.of(program.paths).all() == []

    async def test_a_task_that_fails_while_it_is_cancelled(self, offer, beside, monkeypatch):
        """It is cancelled, and nothing else: the prompt is left without a word."""
        begun = trio.Event()

        async def fails():
            try:
                begun.set()
                await trio.sleep_forever()
            finally:
                raise LookupError

        async def two(_context, _shell):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fails)
                nursery.start_soon(trio.sleep_forever)

        monkeypatch.setattr(beside, "leaves", two)
        supervisor = Supervisor(offer("leaves"), ShellState())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervisor.run)
            await begun.wait()
            nursery.cancel_scope.cancel()

    @pytest.mark.parametrize("task", ["needs_cluster", "needs_cluster_below"])
    async def test_outages_do_not_count_as_failures(self, offer, capsys, autojump_clock, task):
        """Without a cluster a task waits, in silence, for as long as that takes."""
        program = offer(task)
        with trio.move_on_after(3600) as scope:
            await Supervisor(program, ShellState()).run()

        assert scope.cancelled_caught
        assert capsys.readouterr().err == ""
        assert Failures.of(program.paths).all() == []

    def test_they_run_beside_a_plain_prompt_too(self, open_prompt):
        """On a terminal that can't move its cursor."""
        terminal = open_prompt(tasks=["counts", "leaves"], TERM="dumb")
        told = terminal.see("SystemExit: 3") + terminal.see("\n")
        if "counted to" not in told:
            terminal.see("counted to")
        terminal.type(CTRL_D)
        assert terminal.leave() == 0

    def test_an_endless_task_does_not_keep_the_prompt_open(self, open_prompt):
        """It is told of, and the terminal is left as it was."""
        terminal = open_prompt(tasks=["never_ends"])
        terminal.type("exit 7\r")
        terminal.see("did not end")
        assert terminal.ended() == 7

    def test_a_signal_ends_an_endless_task(self, open_prompt):
        """As it ends the prompt."""
        terminal = open_prompt(tasks=["never_ends"])
        os.kill(terminal.child.pid, signal.SIGTERM)
        assert terminal.ended() == 128 + signal.SIGTERM


class TestKeys:
    """Keys that plugins bind."""

    def test_they_change_the_line_and_run_others(self, open_prompt):
        """At once, and the prompt goes on where it was."""
        terminal = open_prompt(tasks=["none"])
        terminal.type("pl'us'" + F5 + "\r")
        terminal.see("plus\r\n")
        terminal.ready()
        terminal.type("abc" + F6)
        terminal.see("ran-3-environment\r\n")
        terminal.ready()
        terminal.run("keys --output csv", "c-x u,Shout,beside")

    def test_an_exception_of_a_key_costs_one_line(self, open_prompt):
        """Whatever it is; the line stays as it was."""
        terminal = open_prompt(tasks=["none"], columns=150)
        terminal.type("echo st'i'll")
        terminal.type(F7)
        terminal.see("its keys 'f7' raised SystemExit: 9")
        terminal.type(F8)
        terminal.see("its keys 'f8' raised TypeError: it is async")
        terminal.type("\r")
        terminal.see("still\r\n")

    def test_clashes_and_unknown_keys_are_reported(self, offer, capsys):
        """By name, once each; the others are there."""
        made = bindings(offer().registry, ShellState())

        assert {len(one.keys) for one in made.bindings} == {1, 2}
        lines = capsys.readouterr().err.splitlines()
        assert [line.split("the keys ")[1].split(" ")[0] for line in lines] == [
            "'c-m'",
            "'c-x'",
            "'f99'",
            "'q'",
        ]
        assert all("atoll-beside 1.0" in line for line in lines)
        assert "taken by 'enter' of plugin 'shell'" in lines[0]

    def test_a_press_knows_the_line(self):
        """And keeps the cursor in it."""
        ran = []
        buffer = Buffer(accept_handler=lambda buffer: ran.append(buffer.text))
        press = KeyPress(ShellState(), buffer)
        press.text = "ps"
        assert (press.text, press.cursor) == ("ps", 2)
        press.cursor = 99
        press.insert(" -f id")
        assert press.text == "ps -f id"
        press.cursor = -1
        assert press.cursor == 0
        press.run("jobs")
        assert ran == ["jobs"]


class TestCompletion:
    """What needs no cluster, and click's own protocol."""

    @pytest.fixture
    async def complete(self, offer):
        """Complete as Tab does at a prompt, with somebody to answer."""
        program = offer()
        names, state = names_of(program), ShellState()
        typed = []
        completer = LineCompleter(Candidates(program, names))
        refresher = Refresher(program, names, state, shell_context(program, state))
        refresher.find_offer = lambda: completer.parse(typed[-1])[1]

        async def at(before):
            typed.append(Document(before))
            changed = trio.Event()
            refresher.on_change = changed.set
            while True:
                offer = completer.parse(typed[-1])[1]
                if all(names.of(query) is not None for query in offer.queries):
                    found = completer.get_completions(typed[-1], CompleteEvent())
                    return [one.text for one in found]
                refresher.typed()
                with trio.fail_after(60):
                    await changed.wait()
                changed = trio.Event()
                refresher.on_change = changed.set

        async with trio.open_nursery() as nursery:
            nursery.start_soon(refresher.run)
            yield at
            nursery.cancel_scope.cancel()

    @pytest.mark.parametrize(
        ("before", "expected"),
        [
            ("pick --local ", ["'here one'", "here-two"]),
            ("pick --local=here-", ["--local=here-two"]),
            ("pick ", ["apple", "pear"]),
            ("pick apple p", ["pear"]),
            ("pick --like x", ["x-none", "other"]),
            ("pick --color red --like x", ["x-red", "other"]),
            ("pick --color red --like=x", ["--like=x-red", "--like=other"]),
            ("pick --like slow", ["slow-none", "other"]),
            ("pick --like fail", []),
        ],
    )
    async def test_completion_works_without_a_cluster(self, complete, before, expected):
        """No profile is configured here, and none runs."""
        assert await complete(before) == expected

    async def test_failures_are_stored(self, complete, shell, capsys):
        """For `plugins` and `doctor`, in this program and in others."""
        await complete("pick --like fail")
        assert "the completion of 'like' raised SystemExit: 1" in capsys.readouterr().err
        told = await shell.run("plugins --output json; doctor --output csv", keep_going=True)
        assert told.stdout.count("the completion of 'like' raised SystemExit: 1") == 2

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("pick --local he", "here one"),
            ("pick --color red --like x", "x-red"),
            ("pick a", "apple"),
        ],
    )
    async def test_other_shells_use_the_completion_too(self, shell, offer, line, expected):
        """In a process that lives for one Tab."""
        offer()
        told = await shell.run(f"completion answer --line '{line}'")
        assert told.stdout.split("\t")[0] == expected
        assert told.code == 0

    def test_the_menu_is_filled_later(self, open_prompt):
        """Nothing was known when it was pressed."""
        terminal = open_prompt(tasks=["none"])
        terminal.type("pick --like slo")
        terminal.press_until(TAB, "slo-none")


class TestSegments:
    """Segments of the toolbar that do what they should not."""

    @pytest.mark.parametrize(
        ("said", "told"),
        [
            (SystemExit(4), "raised SystemExit: 4"),
            (KeyboardInterrupt(), "raised KeyboardInterrupt"),
            (BaseException("worse"), "raised BaseException: worse"),
            (None, "it gave NoneType, not a text"),
            (b"bytes", "it gave bytes, not a text"),
        ],
    )
    async def test_a_failing_segment_is_left_out_for_a_while(
        self, program, prompted, monkeypatch, capsys, said, told
    ):
        """One line; when it goes well again, it is drawn again."""

        def segment(_shell):
            if isinstance(said, BaseException):
                raise said
            return said

        monkeypatch.setattr(prompted, "steady", segment)
        monkeypatch.setattr(toolbar, "_RETRY_PAUSE", 0.0)
        bar = toolbar.Toolbar(program.registry, ShellState(profile_name="lab"))
        assert bar.draw(80) == bar.draw(80) == "lab"
        steady = [line for line in capsys.readouterr().err.splitlines() if "steady" in line]
        assert len(steady) == 1
        assert told in steady[0]

    def test_a_segment_that_raises_an_interrupt_does_not_end_the_prompt(self, open_prompt):
        """No more than Ctrl-C would."""
        terminal = open_prompt(tasks=["interrupts"], columns=150, PROMPT_TOOLKIT_NO_CPR="")
        terminal.type(CURSOR)
        terminal.see("the toolbar's 'interrupts' raised KeyboardInterrupt")
        terminal.run("echo st'i'll", "still\r\n")

    def test_a_slow_segment_is_reported_once(self, capsys):
        """With its plugin and the time that it takes."""
        origin = Origin("slow", "slow", "atoll-slow", "1.0")
        one = toolbar._Segment(Provided(Status("slow", "time:sleep"), origin))
        one._call = lambda _shell: trio.run(trio.sleep, slow_calls.SLOW) or "slow"
        assert [one.text(ShellState()) for _ in range(4)] == ["slow"] * 4
        (line,) = capsys.readouterr().err.splitlines()
        assert "plugin 'slow' (atoll-slow 1.0): the toolbar's 'slow' takes 0.0" in line
