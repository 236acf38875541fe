"""`top`: its rows, what is drawn of them, and how they are kept up to date."""

import json
from contextlib import asynccontextmanager

import pytest
import trio
from prompt_toolkit.utils import get_cwidth

from atoll.outages import Backoff
from atoll_sessions.model import Session
from atoll_sessions.top import drawing, feed
from atoll_sessions.top.feed import Feed
from atoll_sessions.top.nodes import Node, Nodes
from atoll_sessions.top.rows import FAR, Rows
from atoll_sessions.top.sparklines import sparkline

NAMES = ["beta", "alpha", "gamma"]


def session(number, status="RUNNING", use=None, **more):
    """A session; `use` is per cent of a core."""
    stat = {"cpu_util": {"pct": str(use)}, "mem": {"current": str(2**20)}}
    return Session(
        id=f"{number:08}-0000-4000-8000-000000000000",
        name=NAMES[number % 3] + str(number // 3 or ""),
        status=status,
        created_at=f"2026-01-0{number % 9 + 1}T00:00:00+00:00",
        containers=None if use is None else [{"live_stat": stat}],
        **more,
    )


@pytest.fixture
def rows():
    """Three sessions, of which the second uses most."""
    found = Rows()
    for number, use in enumerate((10, 90, 50)):
        found.put(session(number, use=use), 1)
    return found


def names(rows):
    return [row.session.name for row in rows.shown]


@pytest.mark.parametrize(
    ("key", "order"),
    [
        ("N", ["alpha", "beta", "gamma"]),
        ("C", ["alpha", "gamma", "beta"]),
        ("A", ["gamma", "alpha", "beta"]),
    ],
)
def test_rows_are_sorted(rows, key, order):
    """A second time, the other way round."""
    rows.order = ""
    rows.sort_by(key)
    assert names(rows) == order
    rows.sort_by(key)
    assert names(rows) == order[::-1]


def test_the_selected_row_stays_selected(rows):
    """Wherever it moves to; when it goes, the one in its place is."""
    rows.sort_by("N")
    rows.move(1)
    assert rows.current.name == "beta"
    rows.sort_by("C")
    assert rows.current.name == "beta"
    rows.move(-FAR)
    rows.move(1)
    rows.remove(rows.current.id)
    assert rows.current.name == "beta"
    rows.choose("no such")
    assert rows.current is None


def test_rows_with_some_words(rows):
    """In whatever is shown of a session."""
    rows.choose("RUNNING al")
    assert names(rows) == ["alpha"]
    rows.choose("")
    assert len(names(rows)) == 3


def test_sessions_that_have_ended_stay_for_a_moment(rows, monkeypatch):
    """Those that ended before it all are not there at all."""
    rows.put(session(5, "TERMINATED"), 1)
    rows.put(session(1, "TERMINATED"), 1)
    assert len(rows.shown) == 3
    rows.forget_ended()
    assert len(rows.shown) == 3
    monkeypatch.setattr("atoll_sessions.top.rows._SHOWN_AFTER_END", -1.0)
    rows.forget_ended()
    assert names(rows) == ["gamma", "beta"]


def test_sessions_that_a_round_does_not_find_are_forgotten(rows):
    """No event may have told of their end."""
    rows.put(session(1, use=1), 2)
    rows.forget_unseen(2)
    assert names(rows) == ["alpha"]


@pytest.mark.parametrize(
    ("figures", "line"),
    [([], "    "), ([0, 50, 100], " ▁▅█"), ([1000, -5, 0, 0, 100], "▁▁▁█")],
)
def test_history_as_bars(figures, line, monkeypatch):
    """The newest at the right."""
    monkeypatch.setattr("atoll_sessions.top.sparklines._can_show_bars", lambda: True)
    assert sparkline(figures, 4, 100.0) == line


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_lines_fit(rows, width):
    """Columns that matter less are left out; nothing is wider than the screen."""
    rows.put(session(7, "ERROR\x1b[2J", image="x/" + "long" * 30), 1)
    rows.put(Session(id="x", name="名前" * 30, status="PREPARING"), 1)
    nodes = Nodes({"i-one": Node(id="i-one", available_slots='{"cpu": "4", "mem": "1024"}')})
    nodes.by_id |= {f"i-{n}": Node(id=f"i-{n}" * 9, available_slots="nonsense") for n in range(9)}
    lines = drawing.table(rows, width, 4) + drawing.node_lines(nodes, width, 4)
    lines.append(drawing.head("left" * 99, "right", width, late=False))
    assert len(lines) == 9
    texts = ["".join(text for _, text in line).rstrip() for line in lines]
    assert all(get_cwidth(text) <= width and text.isprintable() for text in texts)
    assert ("ID" in texts[0]) == (width == 200)
    assert "7 more nodes" in "".join(texts)


class BigCluster:
    """A cluster with 230 sessions; the ids in `events` are told to whoever listens, and "" ends the
    stream. While it is `away`, connections break off; while it is `silent`, it answers nothing.
    """

    def __init__(self, answer):
        self.answer = answer
        self.away = self.silent = False
        self.sees_nodes = True
        self.asked = []
        self.events, self._heard = trio.open_memory_channel(100)
        self.sessions = {(one := session(number, use=10)).id: one for number in range(230)}

    async def handle(self, seen, stream):
        """Answer one request."""
        if self.away:
            await stream.aclose()
            return False
        if seen.target.startswith("/events/session"):
            await self._tell(stream)
            return False
        content = {"version": "v7.20230615"}
        if seen.target.startswith("/admin/gql"):
            asked = json.loads(seen.body)
            self.asked.append(asked["query"])
            if self.silent:
                await trio.sleep_forever()
            content = {"data": self._told(asked["query"], asked["variables"])}
            if "agent_list" in asked["query"] and not self.sees_nodes:
                content = {"data": None, "errors": [{"message": "Forbidden"}]}
        await stream.send_all(self.answer(json.dumps(content).encode()))
        return True

    async def _tell(self, stream):
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        async for session_id in self._heard:
            if not session_id:
                return
            data = {"sessionId": session_id, "ownerAccessKey": "AKIAIOSFODNN7EXAMPLE"}
            event = f"event: session_started\ndata: {json.dumps(data)}\n\n"
            await stream.send_all(event.encode())

    def _told(self, query, variables):
        if "agent_list" in query:
            return {"agent_list": {"items": [{"id": "i-one", "cpu_cur_pct": 5.0}]}}
        if "compute_session_list" in query:
            found = list(self.sessions.values())
            part = found[variables["offset"] :][: variables["limit"]]
            items = [_node(one) for one in part]
            return {"compute_session_list": {"items": items, "total_count": len(found)}}
        asked = {name: self.sessions.get(one) for name, one in variables.items()}
        return {name: one and _node(one) for name, one in asked.items()}


def _node(one):
    fields = ("id", "name", "status", "created_at", "containers")
    return {name: getattr(one, name) for name in fields}


@pytest.fixture
def cluster(answer):
    """A cluster with many sessions."""
    return BigCluster(answer)


async def becomes(condition):
    """Wait until something is so that nobody tells of."""
    async for _ in Backoff(first=0.01, factor=1.0, patience=60.0):
        if condition():
            return
    raise AssertionError("it is not so")


@pytest.fixture
def fed(facing):
    """Return a context manager that gives a feed at work, and what waits for something to be so."""

    @asynccontextmanager
    async def feeding(visible=list):
        drawn = trio.Event()

        def redraw():
            nonlocal drawn
            drawn.set()
            drawn = trio.Event()

        async with facing() as shell, trio.open_nursery() as nursery:
            program = shell.program()
            api = await program.connect(None, lambda _text: None)
            one = Feed(api, Rows(), Nodes(), redraw, visible)
            nursery.start_soon(one.run)

            async def until(condition):
                with trio.fail_after(60):
                    while not condition():
                        await drawn.wait()

            yield one, until
            nursery.cancel_scope.cancel()
            await program.aclose()

    return feeding


async def test_all_sessions_and_nodes_are_found(fed):
    """Page by page."""
    async with fed() as (one, until):
        await until(lambda: one.loaded and one.nodes.by_id)
        assert len(one.rows.by_id) == 230
        assert list(one.nodes.cpu["i-one"]) == [5.0]


async def test_an_event_has_a_session_looked_at(fed, cluster):
    """That session alone, also one that is new, or gone."""
    async with fed() as (one, until):
        await until(lambda: one.loaded)
        del cluster.asked[:]
        new, gone, changed = session(300), session(1), session(2, "TERMINATING")
        cluster.sessions |= {new.id: new, changed.id: changed}
        del cluster.sessions[gone.id]
        for each in (new, gone, changed):
            await cluster.events.send(each.id)
        await until(lambda: new.id in one.rows.by_id and gone.id not in one.rows.by_id)
        assert one.rows.by_id[changed.id].session.status == "TERMINATING"
        assert sum("compute_session_list" in query for query in cluster.asked) == 0


async def test_use_is_looked_at_of_what_is_on_the_screen(fed, cluster, monkeypatch):
    """Again and again; its history grows."""
    monkeypatch.setattr(feed, "_POLL_INTERVAL", 0.05)
    seen = session(3).id
    async with fed(lambda: [seen]) as (one, until):
        await until(lambda: seen in one.rows.by_id and len(one.rows.by_id[seen].cpu) > 4)
        assert len(one.rows.by_id[session(4).id].cpu) <= 2


async def test_an_outage_is_told_and_passes(fed, cluster, monkeypatch):
    """What is known stays on the screen."""
    monkeypatch.setattr(feed, "_POLL_INTERVAL", 0.05)
    seen = session(3).id
    async with fed(lambda: [seen]) as (one, until):
        await until(lambda: one.loaded)
        cluster.away = True
        await until(lambda: one.silent_for is not None)
        assert len(one.rows.by_id) == 230
        cluster.away = False
        await until(lambda: one.silent_for is None)


async def test_what_no_event_tells_is_found_after_a_gap(fed, cluster, monkeypatch):
    """A stream that ends is a gap: all sessions are looked at again at once."""
    monkeypatch.setattr("atoll_sessions.changes._OUTAGE", Backoff(first=0.05))
    async with fed() as (one, until):
        await until(lambda: one.loaded)
        new = session(500)
        cluster.sessions[new.id] = new
        await cluster.events.send("")
        await until(lambda: new.id in one.rows.by_id)


async def test_those_who_may_see_no_nodes_see_sessions(fed, cluster):
    """They are asked for once, and no more."""
    cluster.sees_nodes = False
    async with fed() as (one, until):
        await until(lambda: one.loaded)
        await becomes(lambda: one.nodes.denied)
        assert one.nodes.by_id == {}


async def test_a_cluster_that_says_nothing_is_offline(fed, cluster, monkeypatch):
    """Before anybody gives up waiting for it."""
    monkeypatch.setattr(feed, "_POLL_INTERVAL", 0.05)
    monkeypatch.setattr(feed, "_SLOW_ANSWER", 0.2)
    async with fed(lambda: [session(3).id]) as (one, until):
        await until(lambda: one.loaded)
        assert one.silent_for is None
        cluster.silent = True
        await becomes(lambda: one.silent_for is not None)
