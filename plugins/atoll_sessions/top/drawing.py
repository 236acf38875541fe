"""Draws the lines of `top`: columns that fit the width, bars, and the lines above and below
them.
"""

from collections.abc import Callable, Mapping, Sequence

from attrs import frozen
from prompt_toolkit.utils import get_cwidth

from atoll.fullscreen import Line
from atoll.output import age, binary_size, show_slots
from atoll.text import printable
from atoll_sessions.model import DEAD
from atoll_sessions.top.nodes import Node, Nodes
from atoll_sessions.top.rows import ORDERS, Row, Rows
from atoll_sessions.top.sparklines import sparkline

STYLES = {
    "head": "bold",
    "late": "bold ansired",
    "titles": "bold underline",
    "chosen": "reverse",
    "run": "ansigreen",
    "wait": "ansiyellow",
    "fail": "ansired",
    "dim": "ansibrightblack",
    "bars": "ansicyan",
}
_NARROWEST_NAME = 10
_MOST_BARS = 20
_HALF = 0.5


@frozen
class Column:
    """A column: its title, its width in cells, the text that it shows of a row, and the style of
    the text.
    """

    title: str
    width: int
    show: Callable[[Row, int], str]
    right: bool = False
    style: Callable[[Row], str] = lambda _row: ""
    most: int = 0
    """The most cells that it may take if there is room."""


def status_style(row: Row) -> str:
    """Return the style of a session's status."""
    status = row.session.status
    if status.startswith("RUNNING"):
        return "run"
    if status in DEAD or status == "TERMINATING":
        return "dim"
    return "fail" if status == "ERROR" else "wait"


def _bars(row: Row, width: int) -> str:
    return sparkline(row.cpu, width, 100.0 * row.cores)


def _percent(row: Row, _width: int) -> str:
    return "" if row.cpu_now is None else f"{row.cpu_now:.0f} %"


def _memory(row: Row, _width: int) -> str:
    return "" if row.memory is None else binary_size(row.memory)


_NAME = Column("Name", _NARROWEST_NAME, lambda row, _: row.session.name)
# Columns are left out in this order if there is no room for all.
_COLUMNS = [
    Column("Status", 11, lambda row, _: row.session.status, style=status_style),
    Column("CPU", 7, _percent, right=True),
    Column("Lately", 8, _bars, style=lambda _: "bars", most=_MOST_BARS),
    Column("Memory", 9, _memory, right=True),
    Column("Age", 4, lambda row, _: age(row.session.created_at), right=True),
    Column("Slots", 22, lambda row, _: show_slots(row.session.occupying_slots)),
    Column("Image", 24, lambda row, _: (row.session.image or "").rpartition("/")[2]),
    Column("Type", 11, lambda row, _: row.session.type or ""),
    Column("ID", 8, lambda row, _: row.session.id[:8]),
]


def columns_for(width: int) -> Sequence[tuple[Column, int]]:
    """Return the columns that fit, each with its width; the name gets the cells that are left."""
    chosen, left = [], width - _NARROWEST_NAME
    for column in _COLUMNS:
        if column.width + 1 > left:
            break
        chosen.append((column, column.width))
        left -= column.width + 1
    for place, (column, cells) in enumerate(chosen):
        more = max(0, min(int(left * _HALF), column.most - cells))
        chosen[place] = column, cells + more
        left -= more
    return [(_NAME, _NARROWEST_NAME + max(0, left)), *chosen]


def table(rows: Rows, width: int, height: int) -> list[Line]:
    """Return the line of titles, and the rows around the selected one."""
    columns = columns_for(width)
    chosen = rows.current
    return [
        _titles(columns, rows, width),
        *(
            _row(row, columns, chosen=row.session is chosen, width=width)
            for row in visible(rows, height)
        ),
    ]


def visible(rows: Rows, height: int) -> Sequence[Row]:
    """Return the rows that :func:`table` shows, the selected one in the middle."""
    shown, room = rows.shown, max(1, height - 1)
    first = max(0, min(rows.place - room // 2, len(shown) - room))
    return shown[first : first + room]


def _titles(columns: Sequence[tuple[Column, int]], rows: Rows, width: int) -> Line:
    by = ORDERS[rows.order][0]
    mark = "↑" if rows.reverse else "↓"
    texts = [
        fitted(f"{one.title}{mark}" if one.title.lower() == by else one.title, cells, one.right)
        for one, cells in columns
    ]
    return [("titles", fitted(" ".join(texts), width))]


def _row(row: Row, columns: Sequence[tuple[Column, int]], *, chosen: bool, width: int) -> Line:
    cells = [
        (column.style(row), fitted(printable(column.show(row, size)), size, column.right))
        for column, size in columns
    ]
    if chosen:
        return [("chosen", fitted(" ".join(text for _, text in cells), width))]
    line: list[tuple[str, str]] = []
    for style, text in cells:
        line += [(style, text), ("", " ")]
    return line


def fitted(text: str, width: int, right: bool = False) -> str:
    """Return a text with exactly `width` cells; a longer text is cut."""
    cells = get_cwidth(text)
    if cells > width:
        while text and get_cwidth(text) > width - 1:
            text = text[:-1]
        text += "…" if width > 0 else ""
        cells = get_cwidth(text)
    blank = " " * (width - cells)
    return blank + text if right else text + blank


def node_lines(nodes: Nodes, width: int, most: int) -> list[Line]:
    """Return a line for each node, the busiest first, up to `most` lines."""
    found = sorted(nodes.by_id.values(), key=lambda node: -(node.cpu_cur_pct or 0.0))
    lines = [_node(node, nodes, width) for node in found[:most]]
    if (more := len(found) - most) > 0 and lines:
        lines[-1] = [("dim", f"… and {more + 1} more nodes")]
    return lines


def _node(node: Node, nodes: Nodes, width: int) -> Line:
    use = node.cpu_cur_pct or 0.0
    bars = sparkline(nodes.cpu.get(node.id, ()), min(_MOST_BARS, max(6, width // 6)), 100.0)
    texts = [
        f"{use:3.0f} %",
        f"cpu {node.occupied('cpu'):g} of {node.available('cpu'):g}",
        f"mem {binary_size(node.occupied('mem'))} of {binary_size(node.available('mem'))}",
    ]
    name_cells = max(8, min(20, width // 4))
    line = [("", fitted(printable(node.id), name_cells) + " "), ("bars", bars)]
    left = width - name_cells - 1 - len(bars)
    for text in texts:
        if len(text) + 2 <= left:
            line.append(("", f"  {text}"))
            left -= len(text) + 2
    return line


def head(left: str, right: str, width: int, *, late: bool) -> Line:
    """Return the first line, with one text at the left and one at the right."""
    room = max(0, width - get_cwidth(right) - 1)
    return [("head", fitted(printable(left), room)), ("", " "), ("late" if late else "", right)]


def told_counts(counts: Mapping[str, int]) -> str:
    """Return the number of sessions of each status as text, the most frequent status first."""
    ordered = sorted(counts.items(), key=lambda one: -one[1])
    return ", ".join(f"{number:,} {status.lower()}" for status, number in ordered) or "no sessions"
