"""Numbers beyond all use: refused with the range, and clamped where they are kept already."""

import sqlite3
from contextlib import closing

import pytest

MUTATION = """mutation($p: ModifyKeyPairResourcePolicyInput!) {
    modify_keypair_resource_policy(name: "default", props: $p) { ok msg } }"""
COUNT, SIZE = 2**31 - 1, 2**63 - 1
RANGES = {
    "idle_timeout": (0, COUNT),
    "max_session_lifetime": (0, COUNT),
    "max_concurrent_sessions": (0, COUNT),
    "max_concurrent_sftp_sessions": (0, COUNT),
    "max_containers_per_session": (0, COUNT),
    "max_pending_session_count": (0, COUNT),
    "max_vfolder_count": (-1, COUNT),
    "max_vfolder_size": (-1, SIZE),
    "max_quota_scope_size": (-1, SIZE),
}


def refused(client, name, value):
    told = client.gql(MUTATION, p={name: value})
    if told.get("errors"):
        return str(told["errors"])
    answer = told["data"]["modify_keypair_resource_policy"]
    return "" if answer["ok"] else answer["msg"]


@pytest.mark.parametrize(("name", "limits"), RANGES.items(), ids=RANGES)
def test_numbers_beyond_the_range_are_refused(client, name, limits):
    least, most = limits
    for value in {least - 1, -(2**40), min(most + 1, SIZE), 999_999_999_999_999, SIZE}:
        assert str(most) in refused(client, name, value) or least <= value <= most, value


@pytest.mark.parametrize("priority", [-1, 101, 10**12])
def test_a_priority_beyond_the_range_is_refused(client, priority):
    body = {"name": "urgent", "image": "python", "priority": priority}
    answer = client.ask("POST", "/session", json=body)
    assert (answer.status_code, "priority must be" in answer.json()["msg"]) == (400, True)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("idle_timeout", 999_999_999_999),
        ("idle_timeout", SIZE),
        ("max_session_lifetime", 9_999_999_999_999_999),
        ("max_session_lifetime", "for ever"),
        ("idle_timeout", -(2**62)),
        ("max_concurrent_sessions", SIZE),
        ("max_pending_session_count", 1e300),
    ],
)
def test_stored_numbers_are_clamped(program, http, column, value):
    client = program.start().client(http)
    client.create("going-on")
    change(program, f"UPDATE keypair_resource_policies SET {column} = ?", value)  # noqa: S608
    assert status(client) == "RUNNING"
    program.end(9)
    client = program.start().client(http)
    assert status(client) == "RUNNING"
    client.create("another")
    query = f'{{ keypair_resource_policy(name: "default") {{ {column} }} }}'
    found = client.gql(query)["data"]["keypair_resource_policy"][column]
    assert found is None or 0 <= found <= COUNT


def change(program, statement, *values):
    with closing(sqlite3.connect(program.data / "cluster.sqlite3")) as database, database:
        database.execute(statement, values)


def status(client):
    """Have the limits looked at, and tell whether the session lives."""
    answer = client.ask("GET", "/session/going-on")
    assert answer.status_code == 200, answer.text
    return answer.json()["status"]
