"""Collects the output of a line for several profiles, with a column that names the profile."""

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from contextlib import aclosing
from io import TextIOBase
from typing import IO, Any

from attrs import define, evolve, field

from atoll._errors import AtollError
from atoll.output._columns import Column
from atoll.output._output import Output, iterate

_WHOSE = "profile"
_MOST = 100_000
"""The most records of a profile that are kept."""


@define
class _Part:
    """A list, or a single record, that the command has emitted for a profile."""

    columns: Sequence[Column]
    format: str
    single: bool
    records: list[dict[str, Any]] = field(factory=list)

    def add(self, record: Any) -> None:
        """Add a record; raises AtollError if there are too many."""
        if len(self.records) >= _MOST:
            raise AtollError(
                f"it returned more than {_MOST:,} records", hint="run it for this profile alone"
            )
        self.records.append({column.name: column.get(record) for column in self.columns})


@define
class Gathering:
    """Keeps the output of each profile until all are complete, in the order of `profiles`."""

    profiles: Sequence[str]
    _parts: dict[str, list[_Part]] = field(factory=dict)

    def begin(self, profile: str, part: _Part) -> _Part:
        """Begin the next part of a profile."""
        self._parts.setdefault(profile, []).append(part)
        return part

    async def write(self, output: Output) -> None:
        """Write everything: the first parts of all profiles together, then the second ones, and so
        on.
        """
        parts_of_profiles = [self._parts.get(profile, []) for profile in self.profiles]
        for place in range(max(map(len, parts_of_profiles), default=0)):
            parts_here = {
                profile: parts[place]
                for profile, parts in zip(self.profiles, parts_of_profiles, strict=True)
                if place < len(parts)
            }
            await _write(output, parts_here)


async def _write(output: Output, parts: dict[str, _Part]) -> None:
    columns: dict[str, Column] = {_WHOSE: Column(_WHOSE, keep=True)}
    for part in parts.values():
        for column in part.columns:
            columns.setdefault(column.name, column)
    shown = [evolve(column, get=_value_of(name)) for name, column in columns.items()]
    records = [{_WHOSE: profile, **one} for profile, part in parts.items() for one in part.records]
    first = next(iter(parts.values()))
    if first.single and output.writes_for_people(first.format):
        for number, record in enumerate(records):
            if number:
                output.stream("stdout", "\n")
            output.item(record, shown, format=first.format)
    else:
        await output.rows(records, shown, format=first.format, paged=True)


def _value_of(name: str) -> Callable[[Any], Any]:
    """Return a function that gets a value from a record; the record of another release may lack the
    field.
    """
    return lambda record: record.get(name)


@define
class GatheredOutput(Output):
    """The output of a command for one of several profiles, whose name is the `label`."""

    gathering: Gathering = field(kw_only=True)

    async def rows(
        self,
        records: Iterable[Any] | AsyncIterable[Any],
        columns: Sequence[Column],
        *,
        format: str = "",
        paged: bool = False,  # noqa: ARG002  # the pager is for the lists of all profiles together
        live: bool = False,  # noqa: ARG002  # nothing is shown before all profiles are complete
        total: Callable[[], int | None] = lambda: None,  # noqa: ARG002  # the total of one profile only
    ) -> None:
        """Keep a list."""
        part = self.gathering.begin(self.label, _Part(columns, format, single=False))
        async with aclosing(iterate(records)) as found:
            async for record in found:
                part.add(record)

    def item(self, record: Any, columns: Sequence[Column], *, format: str = "") -> None:
        """Keep one record."""
        part = self.gathering.begin(self.label, _Part(columns, format, single=True))
        part.add(record)


class Labelled(TextIOBase):
    """A text file that writes a label before each line."""

    def __init__(self, file: IO[str], label: str) -> None:
        self._file = file
        self._label = label
        self._begun = ""

    def write(self, text: str) -> int:
        """Write the lines that are complete."""
        *lines, self._begun = (self._begun + text).split("\n")
        self._file.write("".join(f"{self._label}: {line}\n" for line in lines))
        return len(text)

    def writable(self) -> bool:
        """Return True."""
        return True

    def finish(self) -> None:
        """Write the last line, if it has no line break."""
        if self._begun:
            self.write("\n")
        self._file.flush()
