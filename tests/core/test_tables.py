"""Tables on terminals of any width."""

from io import StringIO

import pytest

from atoll.output import Column
from atoll.output._layout import cells
from atoll.output._table import Plain, Table

COLUMNS = [
    Column("id", keep=True, enough=9),
    Column("name", keep=True),
    Column("image"),
    Column("owner"),
]
ROW = ("5c54edc4-9ef0-4b53-b447-c07403e24122", "a-rather-long-name", "python:3.11-debian12", "ann")


def table(width):
    """Return the row of a table on a terminal of so many cells."""
    file = StringIO()
    writer = Table(file, width=width)
    writer.begin(COLUMNS, single=False)
    writer.row(ROW)
    writer.end()
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= (width or 999)
    return lines[-1]


@pytest.mark.parametrize(
    ("width", "row"),
    [
        (None, "  ".join(ROW)),
        (120, "  ".join(ROW)),
        (80, "5c54edc4-9ef0-4b53-b447-c07403…  a-rather-long-name  python:3.11-debian12  ann"),
        (60, "5c54edc4-9…  a-rather-long-name  python:3.11-debian12  ann"),
        (48, "5c54edc4…  a-rather-long-name  python:3.…  ann"),
        (20, "5c…  a-…  pyt…  ann"),
    ],
)
def test_which_columns_are_shortened_first(width, row):
    """Ids, to what names them still, then what can be guessed, and names at last."""
    assert table(width) == row


WIDE = [
    Column("id", keep=True, enough=9),
    Column("name", keep=True),
    Column("owner"),
    Column("info"),
    Column("when", show=lambda text: text, brief=lambda _text: "3m"),
]


def lines_of(rows, width, **kw):
    file = StringIO()
    writer = kw.pop("format", Table)(file, width=width)
    writer.begin(kw.pop("columns", WIDE), single=False)
    for row in rows:
        writer.row(row)
    writer.end()
    return file.getvalue().splitlines()


def row_of(number, *, owner="AKIAIOSFODNN7EXAMPLE", info=""):
    name = f"session-{number}-日本"
    return [f"{number:08}-9ef0-4b53-b447-c07403e24122", name, owner, info, "2026-11-27 08:01:32"]


def test_common_values_are_shown_once():
    text = "\n".join(lines_of([row_of(1), row_of(2)], 50))
    assert text.count("AKIAIOSFODNN7EXAMPLE") == 1
    assert "all: Owner AKIAIOSFODNN7EXAMPLE" in text
    assert "Info" not in text
    assert "3m" in text


def test_different_values_stay():
    text = "\n".join(lines_of([row_of(1, owner="one"), row_of(2, owner="two", info="x")], 60))
    assert all(word in text for word in ("one", "two", "Info", "x"))


def test_nothing_changes_if_it_fits():
    assert "2026-11-27" in lines_of([row_of(1), row_of(2)], 200)[2]
    assert "Info" in lines_of([row_of(1), row_of(2)], 200)[0]
    assert "2026-11-27" in lines_of([row_of(1), row_of(2)], None)[2]


@pytest.mark.parametrize("width", [1, 2, 5, 10, 20, 40, 80, 120, 200])
@pytest.mark.parametrize("count", [0, 1, 2, 250])
@pytest.mark.parametrize("format", [Table, Plain])
def test_nothing_is_wider_than_the_screen(width, count, format):
    rows = [row_of(number, info="x" * (number % 90)) for number in range(count)]
    for line in lines_of(rows, width, format=format):
        assert cells(line) <= width


def test_a_row_after_the_sample_that_differs_is_shown_as_it_is():
    rows = [row_of(number) for number in range(230)]
    rows[-1] = row_of(229, owner="somebody")
    assert any("someb" in line for line in lines_of(rows, 100))
