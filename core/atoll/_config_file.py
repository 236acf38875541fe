"""Changes one key of `config.yaml`, and leaves the rest of the file, comments too, as it is."""

from pathlib import Path
from typing import TYPE_CHECKING

from atoll._errors import ConfigError
from atoll._private_files import write_atomic
from atoll._settings import Value, flat
from atoll._small_files import mapping_of, read_small

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yaml.nodes import MappingNode, ScalarNode


def set_key(path: Path, key: str, value: Value) -> None:
    """Set a key (`shell.edit_mode`) of a file, which may not be there yet.

    Raises ConfigError where the file can't be read, or is written in a way that leaves no place.
    """
    try:
        before = read_small(path)
    except FileNotFoundError:
        before = ""
    mapping_of(before, path)  # raises ConfigError for what could not be changed
    after = _changed(before, key, value)
    try:
        is_set = dict(flat(mapping_of(after, path))).get(key) == value
    except ConfigError:
        is_set = False
    if not is_set:
        line = f"{key}: {_spelled(value)}"
        raise ConfigError(f"{path} has no place for it", hint=f"write it there: {line}")
    write_atomic(path, after)


def _changed(text: str, key: str, value: Value) -> str:
    import yaml

    root = yaml.compose(text, yaml.SafeLoader)
    found = list(_places(root, "", key)) if isinstance(root, yaml.MappingNode) else []
    if not found:
        end = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{end}{key}: {_spelled(value)}\n"
    # Of several, the last one counts.
    start, stop = found[-1].start_mark.index, found[-1].end_mark.index
    gap = " " if start == stop and text[start - 1 : start] != " " else ""
    return f"{text[:start]}{gap}{_spelled(value)}{text[stop:]}"


def _places(mapping: "MappingNode", above: str, key: str) -> "Iterator[ScalarNode]":
    """Yield where a key has its value: `shell: {edit_mode: vi}` is `shell.edit_mode: vi`."""
    import yaml

    for name, value in mapping.value:
        path = f"{above}{name.value}"
        if path == key and isinstance(value, yaml.ScalarNode):
            yield value
        elif isinstance(value, yaml.MappingNode):
            yield from _places(value, f"{path}.", key)


def _spelled(value: Value) -> str:
    import yaml

    if isinstance(value, bool):
        return "yes" if value else "no"
    line: str = yaml.safe_dump({"key": value}, width=2**20, allow_unicode=True)
    return line.removeprefix("key: ").strip()
