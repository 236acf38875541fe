"""The formats for programs: json, jsonl, yaml and csv, with the API's own names and unconverted
values.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from atoll.output._writer import Writer

_HALF = re.compile("[\ud800-\udfff]")


def encode(value: Any, **options: Any) -> str:
    """Encode a value as JSON, whatever bytes the names of files in it contain."""
    text = json.dumps(value, ensure_ascii=False, default=str, **options)
    # Names of files may contain bytes that are not text; escapes preserve them, and keep the output
    # valid.
    return json.dumps(value, default=str, **options) if _HALF.search(text) else text


class JsonLines(Writer):
    """One JSON object a line."""

    def row(self, values: Sequence[Any]) -> None:
        """Write one object."""
        self.file.write(encode(self._object(values)) + "\n")

    def _object(self, values: Sequence[Any]) -> dict[str, Any]:
        return {column.name: value for column, value in zip(self.columns, values, strict=True)}


class Json(JsonLines):
    """A JSON array of objects, written one by one; a single record is an object."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._count = 0

    def row(self, values: Sequence[Any]) -> None:
        """Write one object, and the separator before it."""
        text = encode(self._object(values), indent=2)
        if not self.single:
            text = ("[\n  " if not self._count else ",\n  ") + text.replace("\n", "\n  ")
        self._count += 1
        self.file.write(text)

    def end(self) -> None:
        """Close the array."""
        if self.single:
            self.file.write("\n" if self._count else "null\n")
        else:
            self.file.write("\n]\n" if self._count else "[]\n")


class Yaml(JsonLines):
    """A YAML sequence of mappings; a single record is a mapping."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._count = 0

    def row(self, values: Sequence[Any]) -> None:
        """Write one mapping."""
        import yaml

        self._count += 1
        # The values are converted through JSON, so that they are plain ones.
        content = json.loads(encode(self._object(values)))
        dumped: Any = content if self.single else [content]
        self.file.write(yaml.safe_dump(dumped, sort_keys=False, allow_unicode=True))

    def end(self) -> None:
        """Write an empty list if there was no record."""
        if not self._count:
            self.file.write("null\n" if self.single else "[]\n")


class Csv(Writer):
    """CSV by RFC 4180, with a header; maps and lists are written as JSON."""

    def begin(self, columns: Sequence[Any], *, single: bool) -> None:
        """Write the header."""
        import csv

        super().begin(columns, single=single)
        self._csv = csv.writer(self.file, lineterminator="\n")
        self._csv.writerow(column.name for column in columns)

    def row(self, values: Sequence[Any]) -> None:
        """Write one line."""
        self._csv.writerow(
            encode(value) if isinstance(value, dict | list | bool) else value for value in values
        )
