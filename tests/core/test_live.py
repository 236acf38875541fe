"""Records that are written as things happen."""

from io import StringIO

import pytest
import trio

from atoll.output import Column

COLUMNS = [Column("time", width=8), Column("n", right=True, width=3), Column("event")]
FIRST = {"time": "08:00:00", "n": 1, "event": "began"}
LATER = {"time": "at some later time", "n": None, "event": "ended"}


@pytest.fixture
def written():
    """What standard output has got."""
    return StringIO()


async def write(shell, written, format):
    """Write two records live; returns what could be read before each, and after all."""
    seen = []

    async def records():
        for record in (FIRST, LATER):
            seen.append(written.getvalue())
            yield record
        seen.append(written.getvalue())

    output = shell.program().output(stdout=written, format=format)
    await output.rows(records(), COLUMNS, live=True)
    return [*seen, written.getvalue()]


async def test_a_table_begins_before_there_is_anything_in_it(shell, written):
    """Its widths are those of titles and columns; what needs more is not cut."""
    before, after_first, after_all, _ = await write(shell, written, "table")

    header = "Time        N  Event\n--------  ---  -----\n"
    assert before == header
    assert after_first == header + "08:00:00    1  began\n"
    assert after_all == after_first + "at some later time       ended\n"


@pytest.mark.parametrize("format", ["plain", "json", "jsonl", "yaml", "csv"])
async def test_each_record_can_be_read_before_the_next(shell, written, format):
    """In every format."""
    before, after_first, after_all, _ = await write(shell, written, format)

    assert "began" not in before
    assert "began" in after_first
    assert "ended" not in after_first
    assert "ended" in after_all


async def test_interrupted_output_is_valid(shell, written):
    """A JSON array that Ctrl-C ends is still one."""
    scope = trio.CancelScope()

    async def records():
        yield FIRST
        scope.cancel()
        await trio.sleep_forever()

    output = shell.program().output(stdout=written, format="json")
    with scope:
        await output.rows(records(), COLUMNS, live=True)

    assert written.getvalue().endswith("}\n]\n")
