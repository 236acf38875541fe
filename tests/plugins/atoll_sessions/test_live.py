"""What the prompt shows of sessions as they change: in its toolbar, and above the line."""

import json
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
import trio

from atoll import ShellState, current_context
from atoll._shell.contexts import shell_context
from atoll_sessions import own_changes
from atoll_sessions.hooks import SessionChange
from atoll_sessions.live import announcing, polling
from atoll_sessions.live.toolbar_data import ToolbarData, toolbar_data


def change(event: str, session: str = "one", **more) -> SessionChange:
    return SessionChange(session_id=f"id-{session}", session_name=session, event=event, **more)


class TestAnnouncements:
    """What is said above the prompt."""

    @pytest.fixture(autouse=True)
    def nothing_known(self, monkeypatch):
        """Nothing has been done by hand yet."""
        monkeypatch.setattr(own_changes, "_known", type(own_changes._known)())

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ([change("session_started")], ["session one runs"]),
            (
                [change("session_ending", reason="its time is up at 12:00 UTC")],
                ["session one ends soon (its time is up at 12:00 UTC)"],
            ),
            (
                [change("session_terminated", reason="idle-timeout")],
                ["session one has ended (idle-timeout)"],
            ),
            (
                [
                    change("session_failure", reason="task-failed", exit_code=3),
                    change("session_terminated"),
                ],
                ["session one has failed at its job (exit code 3, task-failed)"],
            ),
            ([change("session_success", reason="task-done")], ["session one has done its job"]),
            ([change("session_error", reason="no-image")], ["session one has failed (no-image)"]),
            ([change("session_cancelled")], ["session one was cancelled"]),
            (
                [change("session_started", f"s{n}") for n in range(6)]
                + [change("session_terminated", "t")],
                ["6 sessions: each runs", "1 session: each has ended"],
            ),
        ],
    )
    def test_what_is_said(self, changes, said):
        """One line each, and counts of many."""
        assert list(announcing.lines(changes)) == said

    @pytest.mark.parametrize(("foreground", "said"), [(True, 0), (False, 1)])
    def test_what_the_user_has_just_done_is_not_said(self, foreground, said):
        """What a job has done is."""
        token = current_context.set(SimpleNamespace(foreground=foreground, shell=ShellState()))
        own_changes.note("one", "end")
        own_changes.note("id-two", "start")
        current_context.reset(token)

        changes = [change("session_terminated"), change("session_started", "two")]
        assert len(list(announcing.lines(changes))) == 2 * said
        assert len(list(announcing.lines([change("session_started")]))) == 1

    async def test_they_wait_for_the_prompt(self, shell, capsys, autojump_clock):
        """What comes while a command has the terminal is said after it."""
        shell.load("sessions")
        program, state = shell.program(), ShellState()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(announcing.announce, shell_context(program, state), state)
            with state.busy():
                await trio.sleep(1)
                await announcing.changed(change("session_started"), None, state)
                state.say("beside")
                await trio.sleep(5)
                assert capsys.readouterr().err == ""
            assert capsys.readouterr().err == "beside\n"
            await trio.sleep(1)
            assert capsys.readouterr().err == "session one runs\n"
            nursery.cancel_scope.cancel()


class TestToolbar:
    """What the segments say, by what a cluster tells."""

    @pytest.fixture
    def told(self, cluster):
        """What the cluster tells; `silent` keeps it from answering."""
        told = SimpleNamespace(running=3, pending=1, silent=False, asked=0, free={"cpu": "2"})

        async def answer(stream):
            told.asked += 1
            if told.silent:
                await trio.sleep_forever()
            counts = {name: {"total_count": getattr(told, name)} for name in ("running", "pending")}
            data = {"data": {**counts, "user": {"email": "me@lab.org"}}}
            await stream.send_all(cluster.answer(json.dumps(data).encode()))
            return True

        async def presets(stream):
            answer = {"scaling_group_remaining": told.free, "keypair_remaining": {"cpu": "NaN"}}
            await stream.send_all(cluster.answer(json.dumps(answer).encode()))
            return True

        cluster.routes["POST /admin/gql"] = answer
        cluster.routes["POST /resource/check-presets"] = presets
        return told

    @pytest.fixture
    def shown(self, facing, told):
        """Return a context manager that gives a function, which waits until the toolbar shows a
        text, and then what looks.
        """

        @asynccontextmanager
        async def showing():
            redrawn = trio.Event()

            def redraw():
                nonlocal redrawn
                redrawn.set()
                redrawn = trio.Event()

            async with facing() as shell, trio.open_nursery() as nursery:
                program = shell.program()
                state = ShellState(profile_name="lab", redraws=redraw)
                watcher = polling.Poller(toolbar_data)
                nursery.start_soon(watcher.run, shell_context(program, state), state)

                async def until(text, *, gone=False):
                    with trio.fail_after(60):
                        while (text in shell.toolbar(state)) == gone:
                            await redrawn.wait()
                    return shell.toolbar(state)

                yield until, watcher, state
                nursery.cancel_scope.cancel()
                await program.aclose()

        yield showing
        toolbar_data.summary = toolbar_data.silent_since = None

    async def test_sessions_user_and_free_slots(self, shown, told):
        """And again as soon as something has changed."""
        async with shown() as (until, watcher, _):
            assert await until("running") == "lab | 3 running, 1 pending | free cpu 2 | me@lab.org"
            told.running, told.pending = 4, 0
            watcher.note_change()
            assert await until("4 running") == "lab | 4 running | free cpu 2 | me@lab.org"

    async def test_a_cluster_that_is_silent(self, shown, told, monkeypatch):
        """It is told for how long, until it answers again."""
        monkeypatch.setattr(polling, "_SLOW_ANSWER", 0.2)
        monkeypatch.setattr(polling, "_TIMEOUT", 1.0)
        monkeypatch.setattr(polling, "_PAUSE_WHILE_SLOW", 0.2)
        async with shown() as (until, watcher, _):
            await until("running")
            told.silent = True
            watcher.note_change()
            told_at_first = await until("offline")
            assert "free" not in told_at_first
            assert "offline" in await until(told_at_first, gone=True)
            told.silent = False
            await until("3 running")

    async def test_another_profile_is_another_cluster(self, shown, told):
        """What the first one told is forgotten at once."""
        async with shown() as (until, _, state):
            await until("3 running")
            told.silent, state.profile_name = True, "other"
            assert await until("running", gone=True) == "other"

    def test_they_give_way_on_a_narrow_terminal(self, shell):
        """The user first, then what is free; the profile last."""
        shell.load("sessions")
        toolbar_data.summary = polling.Summary(
            3, 1, "somebody@lab.example.org", {"cpu": 2.0, "mem": 2**33}
        )
        state = ShellState(profile_name="lab", last_code=1)
        everything = shell.toolbar(state, width=200)
        assert everything == (
            "lab | 3 running, 1 pending | exit 1 | free cpu 2, mem 8 GiB | somebody@lab.example.org"
        )
        assert shell.toolbar(state, width=70) == everything.rpartition(" | ")[0]
        assert shell.toolbar(state, width=40) == "lab | 3 running, 1 pending | exit 1"
        toolbar_data.summary = None

    def test_nothing_is_known_at_first(self):
        """Then nothing is said."""
        assert ToolbarData() == ToolbarData(None, None)
