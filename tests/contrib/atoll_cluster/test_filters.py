"""The filter and order languages: what they mean, and that every value is bound."""

import json
import sqlite3
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoll_cluster.api.gql.columns import SESSIONS, Column, FilterError
from atoll_cluster.api.gql.filters import compile_filter
from atoll_cluster.api.gql.orders import compile_order

COLUMNS = {
    "name": Column("t.name"),
    "size": Column("t.size", "number"),
    "tags": Column("t.tags", is_list=True),
}
ROWS = [
    ("alpha", 1, ["a", "b"]),
    ("Beta", 2, []),
    ('quo"te', 3, ["b"]),
    ("100%_[x]*?", -4, ["%"]),
    (None, None, []),
]


def select(text):
    clause = compile_filter(text, COLUMNS)
    database = sqlite3.connect(":memory:")
    try:
        database.execute("CREATE TABLE t (name, size, tags)")
        rows = [(name, size, json.dumps(tags)) for name, size, tags in ROWS]
        database.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
        query = f"SELECT name FROM t WHERE {clause.sql} ORDER BY rowid"  # noqa: S608 - under test
        return [row[0] for row in database.execute(query, clause.values)]
    finally:
        database.close()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["alpha", "Beta", 'quo"te', "100%_[x]*?", None]),
        ('name == "alpha"', ["alpha"]),
        ('name != "alpha"', ["Beta", 'quo"te', "100%_[x]*?"]),
        ("size > 1", ["Beta", 'quo"te']),
        ("size >= -4 & size < 2", ["alpha", "100%_[x]*?"]),
        ('name like "a%"', ["alpha"]),
        ('name like "b%"', []),
        ('name ilike "b%"', ["Beta"]),
        ('name like "1__\\u0025_[x]*?"', ["100%_[x]*?"]),
        ('name contains "et"', ["Beta"]),
        ('name in ["alpha", "Beta"]', ["alpha", "Beta"]),
        ("name in []", []),
        ("name is null", [None]),
        ("name == null", [None]),
        ("name isnot null", ["alpha", "Beta", 'quo"te', "100%_[x]*?"]),
        ('tags contains "b"', ["alpha", 'quo"te']),
        ('tags == "a"', ["alpha"]),
        ('tags in ["%", "zz"]', ["100%_[x]*?"]),
        ('!name == "alpha"', ["Beta", 'quo"te', "100%_[x]*?"]),
        ('!(size > 1 | name == "alpha")', ["100%_[x]*?"]),
        ("size > 2 & size < 0 | size == 1", ["alpha"]),
        ("size == 1 | size > 2 & size < 0", []),
        ("size == 1 | (size > 2 & size < 0)", ["alpha"]),
        ('size == "3"', ['quo"te']),
    ],
)
def test_meaning(text, names):
    assert select(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "nope == 1",
        "name = 1",
        "name ==",
        "== 1",
        'name == "open',
        "(size > 1",
        "size > 1)",
        "size > 1 size",
        "size > many",
        'size > "many"',
        "name in 1",
        "size == [1]",
        "name like 3",
        "name == 1; DROP TABLE t",
        "!" * 100 + "size == 1",
        "(" * 100 + "size == 1" + ")" * 100,
    ],
)
def test_mistakes_are_reported(text):
    with pytest.raises(FilterError):
        compile_filter(text, COLUMNS)


def test_unknown_fields_are_named():
    with pytest.raises(FilterError, match="Unknown/unsupported field name: nope"):
        compile_filter("nope == 1", COLUMNS)


def test_enumerations_and_times():
    clause = compile_filter(
        'status == "running" & created_at > "2026-01-01T09:00:00+09:00"', SESSIONS
    )
    assert clause.values == ("RUNNING", "2026-01-01T00:00:00.000000+00:00")
    with pytest.raises(FilterError, match="unknown name 'nope'"):
        compile_filter('status == "nope"', SESSIONS)
    with pytest.raises(FilterError, match="not an ISO-8601 time"):
        compile_filter('created_at > "soon"', SESSIONS)


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_bound(text):
    clause = compile_filter(f"name == {quoted(text)}", COLUMNS)
    assert clause.sql == "t.name = ?"
    assert clause.values == (text,)


numbers = st.integers(-5, 5).map(lambda n: f"size >= {n}")
texts = st.sampled_from([name for name, _, _ in ROWS if name]).map(lambda t: f"name == {quoted(t)}")
trees = st.recursive(
    numbers | texts,
    lambda inner: (
        st.tuples(inner, st.sampled_from("&|"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
        | inner.map(lambda text: f"!{text}")
    ),
    max_leaves=12,
)


@given(trees)
def test_negation_inverts_the_result(text):
    known = [name for name, _, _ in ROWS if name]
    assert sorted([*select(text), *select(f"!({text})")]) == sorted(known)


PIECES = [
    "name", "size", "tags", '"x"', "==", "in", "is", "like", "&", "|", "!", "(", ")", "[", "]", ",",
    "1", "-2", "null",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES)).map(" ".join))
def test_nonsense_is_refused_or_runs(text):
    with suppress(FilterError):
        select(text)


def test_orders():
    assert compile_order("-size,+name", COLUMNS, default="t.rowid") == (
        "t.size DESC, t.name ASC, t.rowid"
    )
    assert compile_order("", COLUMNS, default="t.rowid") == "t.rowid"
    for wrong in ("nope", "tags", "size; DROP TABLE t"):
        with pytest.raises(FilterError):
            compile_order(wrong, COLUMNS, default="t.rowid")
