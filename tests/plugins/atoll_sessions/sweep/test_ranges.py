"""What range expressions stand for, and which are refused."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoll import UsageError
from atoll_sessions.sweep.ranges import make_grid, parse_range


def values_of(expression):
    """Return all values of `X=expression`."""
    values = parse_range("exec", f"X={expression}").values
    return [values.at(index) for index in range(values.count)]


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("case:1,2,3,4", ["1", "2", "3", "4"]),
        ("case:a b,=,", ["a b", "=", ""]),
        (r"case:1\,2,3", ["1,2", "3"]),
        ('case:"1,2","3,4"', ["1,2", "3,4"]),
        ("case:'1,2',3", ["1,2", "3"]),
        (r"case:'a\,b'", [r"a\,b"]),
        (r'case:"a\"b,c",d', ['a"b,c', "d"]),
        (r"case:\"a,b", ['"a', "b"]),
        (r"case:a\nb,c:\d", [r"a\nb", r"c:\d"]),
        (r"case:a\\,b", ["a\\", "b"]),
        ("case:it's,5\"", ["it's", '5"']),
        ("case:'',\"\"", ["", ""]),
        ('case:"a"b', ["ab"]),
        ("linspace:1,2,3", ["1", "1.5", "2"]),
        (
            "linspace:0,1,11",
            [f"0.{tenth}" if tenth % 10 else str(tenth // 10) for tenth in range(11)],
        ),
        ("linspace:2,-2,3", ["2", "0", "-2"]),
        ("linspace:5,9,1", ["5"]),
        ("linspace:1e-5,3e-5,2", ["1e-05", "3e-05"]),
        ("range:1,6,2", ["1", "3", "5"]),
        ("range:3,0,-1", ["3", "2", "1"]),
        ("range:0,0.5,0.1", ["0", "0.1", "0.2", "0.3", "0.4"]),
        ("range: 1, 2, 1", ["1"]),
    ],
)
def test_values(expression, values):
    """As the document has them; decimals come out as they would be written by hand."""
    assert values_of(expression) == values


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(-9, 9).filter(bool))
def test_range_is_that_of_python(start, stop, step):
    """For whole numbers; an empty one is refused."""
    expected = [str(value) for value in range(start, stop, step)]
    if expected:
        assert values_of(f"range:{start},{stop},{step}") == expected
    else:
        with pytest.raises(UsageError, match="no value"):
            values_of(f"range:{start},{stop},{step}")


@given(st.decimals(-100, 100, places=3), st.decimals(-100, 100, places=3), st.integers(2, 60))
def test_linspace_has_both_ends_and_even_steps(start, stop, points):
    """As many points as asked for."""
    values = [float(value) for value in values_of(f"linspace:{start},{stop},{points}")]

    assert (values[0], values[-1], len(values)) == (float(start), float(stop), points)
    step = (float(stop) - float(start)) / (points - 1)
    assert values == pytest.approx([float(start) + index * step for index in range(points)])


@pytest.mark.parametrize(
    "text",
    [
        "X", "X=", "X=1,2", "X=case:", "=case:1", "1X=case:1", "X Y=case:1", "X=steps:1,2,3",
        "X=linspace:1,2", "X=linspace:1,2,0", "X=linspace:1,2,2.5", "X=linspace:a,2,3",
        "X=range:1,6,0", "X=range:1,6", "X=range:6,1,1", "X=range:0,inf,1", "X=range:0,nan,1",
        "X=range:0,1,1e-999999999", "X=linspace:0,1e999999999,2",
    ],
)  # fmt: skip
def test_refused(text):
    """In a line that repeats what was typed."""
    with pytest.raises(UsageError) as refused:
        parse_range("env", text)
    assert str(refused.value).startswith(f"{text}: ")


def test_all_combinations():
    """The last range varies fastest, as in nested loops."""
    lists = {"A": ["1", "2"], "B": ["x", "y", "z"], "C": ["p"]}
    grid = make_grid([parse_range("exec", f"{k}=case:{','.join(v)}") for k, v in lists.items()])

    expected = [dict(zip(lists, row, strict=True)) for row in itertools.product(*lists.values())]
    assert [grid.at(index) for index in range(grid.count)] == expected
    with pytest.raises(UsageError, match="A has more than one range"):
        make_grid([parse_range("exec", "A=case:1"), parse_range("env", "A=case:1")])


def test_huge_ranges_cost_nothing_to_count():
    """They are counted, and any value is found, without making them all."""
    began = time.perf_counter()
    grid = make_grid([parse_range("env", f"{name}=range:0,1000000000,1") for name in "XYZ"])

    assert grid.count == 10**27
    assert grid.at(10**27 - 1) == {"X": "999999999", "Y": "999999999", "Z": "999999999"}
    assert time.perf_counter() - began < 0.5
