"""The custom scalars of the schema, and the inputs that they accept."""

from collections.abc import Callable
from typing import Any

from graphql import GraphQLError, GraphQLScalarType, GraphQLSchema

_LARGEST = 2**63 - 1


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise GraphQLError("It must be a text.")
    return str(value)


def _whole_number(value: Any) -> int:
    """Read a whole number of up to 64 bits; some clients send it as a text."""
    is_text = isinstance(value, str) and value.removeprefix("-").isdecimal() and len(value) <= 20
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0
    if not (is_text or is_number) or abs(number := int(value)) > _LARGEST:
        raise GraphQLError(f"It must be a whole number of at most {_LARGEST}.")
    return number


_READERS: dict[str, Callable[[Any], Any]] = {
    "UUID": _text,
    "DateTime": _text,
    "GlobalIDField": _text,
    "ScopeField": _text,
    "ImageStatus": _text,
    "BigInt": _whole_number,
}


def read_scalars(schema: GraphQLSchema) -> None:
    """Make these scalars refuse values that no resolver can use."""
    for name, read in _READERS.items():
        scalar = schema.type_map[name]
        assert isinstance(scalar, GraphQLScalarType)  # noqa: S101 - defined in sdl/
        # graphql-core uses the second name since 3.3.
        for attribute in ("parse_value", "coerce_input_value"):
            setattr(scalar, attribute, read)
