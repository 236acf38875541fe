"""The result of a command that changes something, in the JSON of the official client."""

from collections.abc import Mapping, Sequence
from typing import IO, Any

from attrs import define, field

from atoll.output._columns import Column


@define
class Outcome:
    """The changes made so far, and the one that the command is about to make.

    One change is one object, `{ok, msg, …}`; several changes are a list of objects.
    """

    attempted: Mapping[str, str] = field(factory=dict)
    _done: list[dict[str, Any]] = field(factory=list)

    def add(
        self,
        text: str,
        record: Any,
        columns: Sequence[Column],
        *,
        kind: str,
        about: Mapping[str, Any],
    ) -> None:
        """Add a change; `kind` names its record."""
        from atoll.output._envelope import official_object

        one = {"ok": True, "msg": text, **about}
        if record is not None:
            one[kind or "item"] = official_object(record, columns)
        self._done.append(one)

    def write(self, file: IO[str], failure: str) -> bool:
        """Write the result, with the error that ended the command, if any; False if there is
        nothing to write.
        """
        content = self._content(failure)
        if content is None:
            return False
        from atoll.output._envelope import write_object

        write_object(file, content)
        file.flush()
        return True

    def _content(self, failure: str) -> dict[str, Any] | None:
        done = self._done
        several = {"count": len(done), "total_count": len(done), "items": done}
        if failure:
            change = {"ok": False, "msg": failure, **self.attempted} if self.attempted else {}
            return {**change, "error": failure, **(several if done else {})}
        return several if len(done) > 1 else next(iter(done), None)
