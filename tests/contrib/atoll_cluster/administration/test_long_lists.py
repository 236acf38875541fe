"""Ten thousand users with a hundred thousand keypairs: a page comes as fast as of a hundred."""

import sqlite3
import time
from contextlib import closing
from statistics import median

import attrs
import pytest

FEW, MANY, KEYS_EACH = 10, 10_000, 10
PAGES = {
    "keypairs by use": """keypair_list(
        limit: 10, offset: 0, filter: "resource_policy == \\"default\\"", order: "-last_used")""",
    "keypairs by user": """keypair_list(
        limit: 10, offset: 0, filter: "user_id ilike \\"%5@%\\" & is_active == true",
        order: "-user_id")""",
    "users by age": """user_list(
        limit: 10, offset: 0, filter: "email ilike \\"%5@%\\" & role == \\"user\\"",
        order: "-created_at")""",
}


def fill(program, users):
    """Put users and keypairs into the database of a program that does not run."""
    days = [f"2026-01-{number % 28 + 1:02}" for number in range(users)]
    people = [(f"u{n}", f"u{n:05}@example.com", day) for n, day in enumerate(days)]
    keys = [(f"AKIA{n}X{m}", f"u{n}", day) for n, day in enumerate(days) for m in range(KEYS_EACH)]
    with closing(sqlite3.connect(program.data / "cluster.sqlite3")) as db, db:
        db.executemany(
            "INSERT INTO users (uuid, username, email, domain_name, created_at, modified_at)"
            " VALUES (?1, ?2, ?2, 'default', ?3, ?3)",
            people,
        )
        db.executemany(
            "INSERT INTO keypairs (access_key, secret_key, user, resource_policy, created_at)"
            " VALUES (?1, 'secret', ?2, 'default', ?3)",
            keys,
        )


def ask(client, page):
    """Return the seconds that a page takes."""
    begin = time.perf_counter()
    found = client.gql(f"{{ it: {page} {{ items {{ created_at full_name }} total_count }} }}")
    taken = time.perf_counter() - begin
    assert found["data"]["it"]["total_count"] >= len(found["data"]["it"]["items"]) > 0
    return taken


@pytest.mark.slow
def test_pages_of_long_lists_are_nearly_as_fast_as_of_short_ones(make_cluster):
    few, many = make_cluster("few", FEW), make_cluster("many", MANY)
    for name, page in PAGES.items():
        # By turns, so that whatever else the machine does slows both.
        short, long = zip(*((ask(few, page), ask(many, page)) for _ in range(21)), strict=True)
        assert median(long) < 3 * median(short), name


@pytest.fixture
def make_cluster(program, http, tmp_path):
    """Return the function that starts a cluster of so many users; gives a client of it."""
    made = []

    def make(name, users):
        made.append(attrs.evolve(program, data=tmp_path / name).start())
        made[-1].end()
        fill(made[-1], users)
        return made[-1].start().client(http)

    yield make
    for one in made:
        one.end()
