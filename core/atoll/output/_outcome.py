"""What has come of a command that changes something, in the JSON of Backend.AI's client."""

from collections.abc import Mapping, Sequence
from typing import IO, Any

from attrs import define, field

from atoll.output._columns import Column


@define
class Outcome:
    """What was done so far, and what was about to be.

    One thing done is one object, `{ok, msg, …}`; several are a list of such.
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
        """Add something that was done; `kind` names the record of what has come of it."""
        from atoll.output._envelope import peer_object

        one = {"ok": True, "msg": text, **about}
        if record is not None:
            one[kind or "item"] = peer_object(record, columns)
        self._done.append(one)

    def write(self, file: IO[str], failure: str) -> bool:
        """Write it, with why the command ended early if it did; False if there is nothing to."""
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
