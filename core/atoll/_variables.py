"""Variables: those of `let` and `for`, the environment, and `$?`."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from atoll._errors import UsageError
from atoll._words import Variable, Word
from atoll.text import near_matches

_LONGEST_EXPORTED = 32_768
"""The longest value that is passed on, in characters, since the system accepts at most 128 KiB."""
_LITERALLY = "single quotes keep the $"


@frozen
class Value:
    """One value of a variable: a text, and the fields if it is a record."""

    text: str
    fields: Mapping[str, Any] | None = None

    def field(self, variable: Variable) -> str:
        """Return the field that a variable names; raises UsageError if there is none."""
        found: Any = self.fields
        for name in variable.fields:
            if not isinstance(found, Mapping) or name not in found:
                known = ", ".join(found) if isinstance(found, Mapping) else "it has none"
                raise UsageError(f"{variable.raw}: there is no field {name}", hint=known)
            found = found[name]
        return shown(found)


def shown(value: Any) -> str:
    """Return a field's value as text: lists and mappings as JSON, null as an empty text."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool | list | tuple | dict):
        from atoll.output._machine import encode

        return encode(value)
    return str(value)


@frozen
class Values:
    """The values of a variable: the lines of a text, or records."""

    items: Sequence[Value]
    are_records: bool = False

    def one(self, variable: Variable) -> Value:
        """Return the text for a word: the whole text, or the only record; raises UsageError."""
        if not self.are_records:
            return Value("\n".join(one.text for one in self.items))
        if len(self.items) != 1:
            raise UsageError(
                f"{variable.raw} holds {len(self.items)} records, but one is needed",
                hint=f"'| first' takes the first, 'for x in ${variable.name} {{ … }}' each",
            )
        return self.items[0]


def of_text(text: str) -> Values:
    """Return the values of a text, which may have several lines."""
    return Values([Value(line) for line in text.split("\n")])


@define
class Variables:
    """All variables of a prompt or script; those of the environment are found, too."""

    environ: Mapping[str, str] = field(factory=dict)
    last_code: int = 0
    """The exit code of the last statement: `$?`."""
    kept: dict[str, Values] = field(factory=dict)

    def copy(self) -> "Variables":
        """Return a copy; changes of it do not affect this object."""
        return Variables(self.environ, self.last_code, dict(self.kept))

    def exported(self) -> dict[str, str]:
        """Return the variables that commands of the system get in their environment: short texts,
        and single records.
        """
        found = {}
        for name, values in self.kept.items():
            if len(values.items) == 1 or not values.are_records:
                text = "\n".join(one.text for one in values.items)
                if len(text) <= _LONGEST_EXPORTED and "\0" not in text:
                    found[name] = text
        return found

    def values(self, variable: Variable) -> Values:
        """Return the values of a variable; raises UsageError for an unknown one."""
        name = variable.name
        if name == "?":
            return of_text(str(self.last_code))
        if name in self.kept:
            return self.kept[name]
        if name in self.environ:
            return of_text(self.environ[name])
        near = near_matches(name, [*self.kept, *self.environ])
        raise UsageError(f"there is no variable {name}", hint=near or _LITERALLY)

    def text(self, word: Word, own: Collection[str] = ()) -> str:
        """Return the text of a word. Variables in `own` are not replaced. Raises UsageError."""
        if isinstance(word, str):
            return word
        return "".join(one if isinstance(one, str) else self._text(one, own) for one in word)

    def _text(self, variable: Variable, own: Collection[str]) -> str:
        if variable.name in own:
            return variable.raw
        values = self.values(variable)
        if not variable.fields or values.are_records:
            one = values.one(variable)
            return one.field(variable) if variable.fields else one.text
        # A text has no fields, so what follows its name is text as well, as in `$name.txt`.
        return ".".join((values.one(variable).text, *variable.fields))

    def copied(self, word: Word) -> Values:
        """Return the values of a word that is a single variable, or the text of another word."""
        match word:
            case (Variable(fields=()) as variable,):
                return self.values(variable)
            case _:
                return of_text(self.text(word))

    def each(self, word: Word) -> Sequence[Value]:
        """Return the values that `for` takes from a word: all of them if the word is a single
        variable.
        """
        match word:
            case (Variable(fields=()) as variable,):
                return self.values(variable).items
            case _:
                return [Value(self.text(word))]
