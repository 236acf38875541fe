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


def measure(program, http, users):
    """Return the seconds that a page of each list takes, of several the one in the middle."""
    program.start().end()
    fill(program, users)
    client = program.start().client(http)
    return {name: seconds(client, page) for name, page in PAGES.items()}


def seconds(client, page):
    query = f"{{ it: {page} {{ items {{ created_at full_name }} total_count }} }}"
    taken = []
    for _ in range(21):
        begin = time.perf_counter()
        found = client.gql(query)["data"]["it"]
        taken.append(time.perf_counter() - begin)
        assert found["total_count"] >= len(found["items"]) > 0
    return median(taken)


def test_pages_of_long_lists_come_nearly_as_fast_as_those_of_short_ones(make_program, http):
    few, many = make_program("few"), make_program("many")
    short, long = measure(few, http, FEW), measure(many, http, MANY)
    ratios = {name: long[name] / short[name] for name in PAGES}
    assert all(ratio < 3 for ratio in ratios.values()), ratios


@pytest.fixture
def make_program(program, tmp_path):
    """Return the function that puts a cluster on a data folder of that name."""
    made = []

    def make(name):
        made.append(attrs.evolve(program, data=tmp_path / name))
        return made[-1]

    yield make
    for one in made:
        if one.process is not None:
            one.end()
