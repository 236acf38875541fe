"""Charts of what has come of a sweep."""

import re
import sys

import pytest

from atoll import UsageError
from atoll_sessions.code import Code
from atoll_sessions.creation import SessionRequest
from atoll_sessions.sweep.charts import as_file, as_text
from atoll_sessions.sweep.plan import Plan, dump_plan
from atoll_sessions.sweep.ranges import make_grid, parse_range
from atoll_sessions.sweep.results import Result, Results, chart
from atoll_sessions.sweep.store import Sweep


@pytest.fixture
def results(tmp_path):
    """Eight cases whose loss depends on both of their parameters, and one that told no number."""
    ranges = ["lr=case:0.001,0.01,0.1,1", "model=case:big,small"]
    grid = make_grid([parse_range("exec", text) for text in ranges])
    plan = Plan(grid=grid, request=SessionRequest(image="python", name=""), code=Code(mode="query"))
    sweep = Sweep(tmp_path / "s-12ab")
    sweep.folder.mkdir()
    (sweep.folder / "plan.json").write_text(dump_plan(plan))
    cases = [
        Result(number, grid.at(number - 1), {"loss": f"{number * 10},", "note": "fine"})
        for number in range(1, 9)
    ]
    cases[7] = Result(8, grid.at(7), {"loss": "unknown"})
    return Results(sweep, cases, "")


def points(made):
    """Return the points of each line."""
    return {line.label: list(line.points) for line in made.series}


def test_a_line_for_each_value_of_another_parameter(results):
    made, without = chart(results, "lr", ["loss"], ["model"], "x")
    assert points(made) == {
        "model=big": [(0.001, 10), (0.01, 30), (0.1, 50), (1, 70)],
        "model=small": [(0.001, 20), (0.01, 40), (0.1, 60)],
    }
    assert without == 1
    assert all(line.is_line for line in made.series)


def test_points_that_share_an_x_make_no_line(results):
    made, _ = chart(results, "lr", ["loss"], [], "")
    assert not made.series[0].is_line


def test_several_values(results):
    made, _ = chart(results, "lr", ["loss", "lr"], ["model"], "")
    assert set(points(made)) == {
        f"{name} model={model}" for name in ("loss", "lr") for model in ("big", "small")
    }


def test_texts_stand_side_by_side(results):
    made, _ = chart(results, "model", ["loss"], ["lr"], "")
    assert made.names == ["big", "small"]
    assert made.ticks == {1.0: "big", 2.0: "small"}


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (("nope", ["loss"], [], ""), "no case has printed a value for nope"),
        (("lr", ["los"], [], ""), "did you mean loss"),
        (("lr", ["note"], [], ""), "no case has numbers"),
        (("model", ["loss"], [], "x"), "--log-x can't show"),
    ],
)
def test_what_can_not_be_drawn(results, wanted, why):
    with pytest.raises(UsageError) as caught:
        chart(results, *wanted)
    assert why in f"{caught.value} {caught.value.hint}"


def test_a_logarithm_of_nothing(results):
    results.all[0].values["loss"] = "0"
    with pytest.raises(UsageError, match="--log-y can't show values of 0"):
        chart(results, "lr", ["loss"], [], "y")


class TestText:
    """Drawn by plotext."""

    @pytest.fixture(autouse=True)
    def _library(self):
        pytest.importorskip("plotext", reason="not installed: plotext")

    @pytest.mark.parametrize("log", ["", "x", "xy"])
    def test_without_colours(self, results, log):
        made, _ = chart(results, "lr", ["loss"], ["model"], log)
        text = as_text(made, 60, 20, color=False)
        lines = text.splitlines()
        assert max(map(len, lines)) <= 60
        assert len(lines) <= 21
        assert "\x1b" not in text
        drawn = "".join(line for line in lines if "│" in line or "┤" in line)
        assert (drawn.count("•"), drawn.count("o")) == (4, 3)
        assert lines[-2:] == ["  • model=big", "  o model=small"]
        assert "0.001" in text

    def test_colours_and_lines(self, results):
        made, _ = chart(results, "lr", ["loss"], ["model"], "x")
        text = as_text(made, 60, 20, color=True)
        assert re.search(r"\x1b\[38;5;39m[\u2801-\u28ff]", text)
        assert "\x1b[38;5;208mo\x1b[0m model=small" in text

    def test_names_of_others_are_safe(self, results):
        for one in results.all:
            one.values["evil\x1b[2J"] = "1"
        made, _ = chart(results, "lr", ["evil\x1b[2J"], [], "")
        assert "\x1b" not in as_text(made, 60, 20, color=False)


@pytest.mark.parametrize(
    ("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")]
)
def test_files(results, suffix, start):
    pytest.importorskip("matplotlib", reason="not installed: matplotlib")
    made, _ = chart(results, "model", ["loss"], ["lr"], "y")
    assert as_file(made, suffix).startswith(start)


@pytest.mark.parametrize(
    ("library", "draw"),
    [
        ("plotext", lambda made: as_text(made, 60, 20, color=False)),
        ("matplotlib.figure", lambda made: as_file(made, ".png")),
    ],
)
def test_without_the_library(results, monkeypatch, library, draw):
    monkeypatch.setitem(sys.modules, library, None)
    made, _ = chart(results, "lr", ["loss"], [], "")
    with pytest.raises(UsageError, match="this needs") as caught:
        draw(made)
    assert caught.value.hint == "pip install 'atoll[plots]'"
