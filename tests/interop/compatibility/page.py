"""Writes the tables into the page, between its marks."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from outcomes import Outcome
from running import COLLAPSED
from walk import STEPS

PAGE = Path(__file__).parents[3] / "docs" / "compatibility.md"
BEGIN = "<!-- written by `make compatibility`; changes are lost -->"
END = "<!-- up to here -->"
Columns = Mapping[str, Mapping[str, Outcome]]


def write_tables(clients: Columns, ours: Columns) -> None:
    """Put both tables in place of the old ones."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    parts = [
        BEGIN,
        "",
        "## Official clients on the embedded cluster",
        "",
        *_table(clients),
        "",
        "## atoll on each cluster",
        "",
        *_table(ours),
        "",
        END,
    ]
    PAGE.write_text(before + "\n".join(parts) + after, encoding="utf-8")


def _table(columns: Columns) -> Sequence[str]:
    names = [step.name for step in STEPS if not step.prepares]
    known = {name for column in columns.values() for name in column}
    rows = [name for name in dict.fromkeys(names) if name in known]
    rows += sorted(name for name in known if name.startswith(COLLAPSED) and name not in rows)
    counts = [_counted(column.values()) for column in columns.values()]
    return [
        f"| command | {' | '.join(columns)} |",
        f"| --- |{' --- |' * len(columns)}",
        f"| *together* | {' | '.join(counts)} |",
        *(_row(name, [column.get(name) for column in columns.values()]) for name in rows),
    ]


def _row(name: str, outcomes: Sequence[Outcome | None]) -> str:
    cells = " | ".join("" if one is None else str(one) for one in outcomes)
    return f"| {name} | {cells} |"


def _counted(outcomes: Sequence[Outcome]) -> str:
    kinds = [one.kind for one in outcomes]
    order = ("passed", "refused", "absent", "not tried")
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in order if kind in kinds)
