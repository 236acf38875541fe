"""Changes or removes one key of `config.yaml`; the rest of the file, with its comments, stays
unchanged.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from atoll._errors import ConfigError
from atoll._private_files import write_atomic
from atoll._settings import Value, flat
from atoll._small_files import mapping_of, read_small

if TYPE_CHECKING:
    from collections.abc import Iterator

    from yaml.nodes import MappingNode, Node, ScalarNode


def set_key(path: Path, key: str, value: Value) -> None:
    """Set a key, such as `shell.edit_mode`, in a file; the file is created if necessary.

    Raises ConfigError if the file can't be read, or has a form in which the key can't be set.
    """
    try:
        before = read_small(path)
    except FileNotFoundError:
        before = ""
    mapping_of(before, path)  # raises ConfigError if the result is no valid file
    after = _changed(before, key, value)
    try:
        is_set = dict(flat(mapping_of(after, path))).get(key) == value
    except ConfigError:
        is_set = False
    if not is_set:
        line = f"{key}: {_spelled(value)}"
        raise ConfigError(f"the key can't be set in {path}", hint=f"edit the file: {line}")
    write_atomic(path, after)


def unset_key(path: Path, key: str) -> bool:
    """Remove a key from a file, and the mapping around it if that is empty then; returns whether
    the key was there. Raises ConfigError as :func:`set_key` does.
    """
    try:
        text = read_small(path)
    except FileNotFoundError:
        return False
    wanted = dict(flat(mapping_of(text, path)))
    if key not in wanted:
        return False
    del wanted[key]
    while (span := _span(text, key)) is not None:  # the key may be there several times
        text = text[: span[0]] + text[span[1] :]
    try:
        is_unset = dict(flat(mapping_of(text, path))) == wanted
    except ConfigError:
        is_unset = False
    if not is_unset:
        raise ConfigError(f"{path} can't be changed safely", hint=f"take {key} out there")
    write_atomic(path, text)
    return True


def _changed(text: str, key: str, value: Value) -> str:
    import yaml

    root = yaml.compose(text, yaml.SafeLoader)
    found = list(_places(root, "", key)) if isinstance(root, yaml.MappingNode) else []
    if not found:
        end = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{end}{key}: {_spelled(value)}\n"
    # If a key is there several times, the last one counts.
    start, stop = found[-1].start_mark.index, found[-1].end_mark.index
    gap = " " if start == stop and text[start - 1 : start] != " " else ""
    return f"{text[:start]}{gap}{_spelled(value)}{text[stop:]}"


def _places(mapping: "MappingNode", above: str, key: str) -> "Iterator[ScalarNode]":
    """Yield the positions of a key's value; `shell: {edit_mode: vi}` is the same as
    `shell.edit_mode: vi`.
    """
    import yaml

    for name, value in mapping.value:
        path = f"{above}{name.value}"
        if path == key and isinstance(value, yaml.ScalarNode):
            yield value
        elif isinstance(value, yaml.MappingNode):
            yield from _places(value, f"{path}.", key)


def _span(text: str, key: str) -> tuple[int, int] | None:
    """Return the start of a key, and the end of its value, which is the start of the next key."""
    import yaml

    root = yaml.compose(text, yaml.SafeLoader)
    pair = _pair(root, "", key) if isinstance(root, yaml.MappingNode) else None
    if pair is None:
        return None
    mapping, at = pair
    start = mapping.value[at][0].start_mark.index
    if mapping.flow_style:
        if at + 1 < len(mapping.value):
            return start, mapping.value[at + 1][0].start_mark.index
        # For the last key, the comma before it is removed too.
        begin = mapping.value[at - 1][1].end_mark.index if at else start
        return begin, _end(mapping.value[at][1])
    return text.rfind("\n", 0, start) + 1, _next_line(text, _end(mapping.value[at][1]))


def _pair(mapping: "MappingNode", above: str, key: str) -> "tuple[MappingNode, int] | None":
    """Return a mapping, and the index of its pair that contains only this key; None if there is
    none.
    """
    import yaml

    for at, (name, value) in enumerate(mapping.value):
        path = f"{above}{name.value}"
        if path == key and isinstance(value, yaml.ScalarNode):
            return mapping, at
        if isinstance(value, yaml.MappingNode) and (pair := _pair(value, f"{path}.", key)):
            return (mapping, at) if len(pair[0].value) == 1 else pair
    return None


def _end(node: "Node") -> int:
    """Return the end of a value. For a mapping this is the end of its last value, since PyYAML's
    own end of a mapping is the start of the next token.
    """
    import yaml

    while isinstance(node, yaml.MappingNode) and not node.flow_style:
        node = node.value[-1][1]
    index: int = node.end_mark.index
    return index


def _next_line(text: str, end: int) -> int:
    """Return the start of the line after a value; the value may include its line end."""
    if text[end - 1 : end] == "\n":
        return end
    found = text.find("\n", end)
    return len(text) if found < 0 else found + 1


def _spelled(value: Value) -> str:
    import yaml

    if isinstance(value, bool):
        return "yes" if value else "no"
    line: str = yaml.safe_dump({"key": value}, width=2**20, allow_unicode=True)
    return line.removeprefix("key: ").strip()
