"""Long lists: read page by page to their end, and quickly at any depth."""

import json

import pytest

from atoll_cluster import clock, credentials
from atoll_cluster.paths import DataDir
from atoll_cluster.store.records import KernelRow, Session
from atoll_cluster.store.sessions import NEWEST, Page
from atoll_cluster.store.store import Store

COUNT = 250


@pytest.fixture
def data(tmp_path):
    return DataDir.prepare(tmp_path / "data")


@pytest.fixture
def store(data):
    """Keep many sessions that have ended, the newest with the highest number."""
    store = Store.open(data.database)
    credentials.ensure_accounts(data, store)
    key = json.loads(data.credentials.read_text())["admin"]["access_key"]
    user, group = store.accounts.keypair(key).user, store.accounts.groups()[0].id
    with store.db.transaction():
        for number in range(COUNT):
            at = f"2026-01-01T00:{number // 60:02}:{number % 60:02}.000000+00:00"
            session = Session(
                id=f"s{number}", name=f"session-{number}", image="python", asked_image="python",
                access_key=key, user_uuid=user, group_id=group, status="TERMINATED",
                status_changed=at, created_at=at,
            )  # fmt: skip
            kernel = KernelRow(
                id=f"k{number}", session_id=session.id, status_changed=at, created_at=at
            )
            store.sessions.add(session, [kernel])
    yield store
    store.close()


def pages(store, size, where="user_uuid != ?", values=("",)):
    found, offset = [], 0
    while page := store.sessions.page(where, values, NEWEST, Page(size, offset)):
        found += [session.id for session in page]
        offset += len(page)
    return found


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_pages_hold_everything_once_and_in_order(store, size):
    assert pages(store, size) == [f"s{number}" for number in reversed(range(COUNT))]


def test_any_page_is_the_same_as_after_those_before_it(store):
    in_order = pages(store, 10)
    page = store.sessions.page("user_uuid != ?", ("",), NEWEST, Page(5, 113))
    assert [session.id for session in page] == in_order[113:118]


def test_changes_are_seen_between_pages(store):
    first = store.sessions.page("status = ?", ("TERMINATED",), NEWEST, Page(10, 0))
    assert store.sessions.count("status = ?", ("TERMINATED",)) == COUNT
    store.sessions.update(first[0].id, status="ERROR")
    second = store.sessions.page("status = ?", ("TERMINATED",), NEWEST, Page(10, 10))
    assert second[0].id == f"s{COUNT - 12}"
    assert store.sessions.count("status = ?", ("TERMINATED",)) == COUNT - 1


def test_what_ended_last_comes_first(store):
    store.sessions.update("s3", terminated_at=clock.now())
    assert pages(store, 100)[0] == "s3"


@pytest.mark.parametrize(
    ("where", "index"),
    [
        ("user_uuid = ? AND domain_name = ?", "COVERING INDEX sessions_newest"),
        ("+access_key = ? AND +status IN (?)", "COVERING INDEX sessions_newest"),
        ("status IN (?, ?)", "INDEX sessions_status"),
    ],
)
def test_an_index_finds_the_page(store, where, index):
    query = f"SELECT sequence FROM sessions WHERE {where} ORDER BY {NEWEST} LIMIT 9 OFFSET 90"  # noqa: S608
    plan = store.db.rows(f"EXPLAIN QUERY PLAN {query}", ("a", "b"))
    assert index in plan[0]["detail"]


def test_the_api_lists_all(store, program, http):
    client = program.start().client(http)
    query = """query($offset: Int!) { compute_session_list(limit: 100, offset: $offset,
        status: "PENDING,SCHEDULED,PREPARING,RUNNING,TERMINATING,TERMINATED,ERROR,CANCELLED") {
        items { id containers { id } } total_count } }"""
    found = [
        client.gql(query, offset=offset)["data"]["compute_session_list"] for offset in (0, 100, 200)
    ]
    items = [item for page in found for item in page["items"]]
    assert [item["id"] for item in items] == [f"s{number}" for number in reversed(range(COUNT))]
    assert items[0]["containers"] == [{"id": f"k{COUNT - 1}"}]
    assert {page["total_count"] for page in found} == {COUNT}
