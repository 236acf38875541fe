"""Filters and orders: what is taken, and where a mistake is seen."""

import pytest

from atoll import UsageError
from atoll_sessions.expressions import check_filter, check_order

FIELDS = ("email", "age", "is_active")


@pytest.mark.parametrize(
    "text",
    [
        'email == "a@b"',
        'email ilike "%\\"x\\"%"',
        "age >= 3 & (is_active == true | !email is null)",
        "!(age != -1.5) | age in [1, 2, 3]",
        'email contains "x" & email isnot null',
        "  age<3  ",
        "age in []",
    ],
)
def test_a_filter_is_taken(text):
    check_filter(text, FIELDS)


@pytest.mark.parametrize(
    ("text", "at", "what"),
    [
        ("", 1, "expected a field, not the end"),
        ('emai == "x"', 1, "unknown field 'emai'"),
        ('email = "x"', 7, "can't read '='; == compares"),
        ("email == 'x'", 10, "write texts in double quotes"),
        ('email lik "x"', 7, "expected one of == != > >= < <= contains in is isnot like ilike"),
        ("email ==", 9, "expected a value, not the end"),
        ("email == x", 10, "expected a value, as in \"x\", not 'x'"),
        ('email == "x', 10, "this text has no closing quote"),
        ("age == 1 age == 2", 10, "expected & or |, not 'age'"),
        ("(age == 1", 10, "expected ), not the end"),
        ("age in 1", 8, "expected a list, as in [1, 2], not '1'"),
        ("age in [1 2]", 11, "expected ,, not '2'"),
        ("age == 1 &", 11, "expected a field, not the end"),
        ("age == 1)", 9, "expected & or |, not ')'"),
    ],
)
def test_a_mistake_in_a_filter_is_pointed_at(text, at, what):
    with pytest.raises(UsageError) as caught:
        check_filter(text, FIELDS)
    assert caught.value.message.startswith(f"--filter, character {at}: {what}")


@pytest.mark.parametrize("text", ["email", "-age", "+age,-email", " age , email "])
def test_an_order_is_taken(text):
    check_order(text, FIELDS)


@pytest.mark.parametrize(
    ("text", "at", "what"),
    [
        ("-agee", 2, "unknown field 'agee'"),
        ("age, emal", 6, "unknown field 'emal'"),
        ("age,", 5, "expected a field"),
    ],
)
def test_a_mistake_in_an_order_is_pointed_at(text, at, what):
    with pytest.raises(UsageError) as caught:
        check_order(text, FIELDS)
    assert caught.value.message == f"--order, character {at}: {what}"
    assert caught.value.hint == "known: email, age, is_active"


def test_a_filter_of_any_depth_is_checked():
    check_filter("(" * 5000 + "age == 1" + ")" * 5000, FIELDS)
