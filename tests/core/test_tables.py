"""Tables on terminals of any width."""

from io import StringIO

import pytest

from atoll import Column
from atoll.output.table import Table

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
    assert max(map(len, lines)) <= max(width or 999, 48)
    return lines[-1]


@pytest.mark.parametrize(
    ("width", "row"),
    [
        (None, "  ".join(ROW)),
        (120, "  ".join(ROW)),
        (80, "5c54edc4-9ef0-4b53-b447-c07403e24122  a-rather-long-name  python:3.11-de…  ann"),
        (60, "5c54edc4-9ef0-4b53-b44…  a-rather-long-name  python:…  ann"),
        (48, "5c54edc4-9…  a-rather-long-name  python:…  ann"),
        (20, "5c54edc4…  a-rather-long-name  pytho…  ann"),
    ],
)
def test_what_is_cut_first(width, row):
    """What can be guessed, then ids, to what names them still; names stay whole."""
    assert table(width) == row
