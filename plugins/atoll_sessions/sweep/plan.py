"""The plan of a sweep: its cases, each with a session and code."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from attrs import asdict, evolve, fields, frozen

from atoll import UsageError
from atoll_sessions.code import Code
from atoll_sessions.creation import SessionRequest
from atoll_sessions.sweep.ranges import Grid, Place, make_grid, parse_range
from atoll_sessions.sweep.template import interpolate, mentioned

if TYPE_CHECKING:
    from atoll.transport import Part

TAG = "sweep:"
"""The prefix of the tag of a sweep's sessions; the sweep's id follows."""
_NAME = re.compile(r"\w[\w.-]*\w", re.ASCII)
_LONGEST_NAME = 64
_DIGITS = 4


@frozen(kw_only=True)
class Case:
    """One combination of values; `number` counts from 1."""

    number: int
    values: Mapping[str, str]
    label: str
    request: SessionRequest
    code: Code


@frozen(kw_only=True)
class Plan:
    """Everything that a process needs to run a sweep, or to go on with one.

    `line` is what the user typed; `profile` names the cluster. `named` is true if the user has
    named the sessions. `remove` is `--rm`. `out` is the folder that the user has chosen for the
    output of the cases, if any.
    """

    id: str = ""
    line: str = ""
    created: str = ""
    profile: str = ""
    grid: Grid
    request: SessionRequest
    code: Code
    named: bool = False
    remove: bool = False
    max_parallel: int = 2
    out: str | None = None
    fingerprint: str = ""

    @cached_property
    def count(self) -> int:
        """How many cases there are."""
        return self.grid.count

    @property
    def tag(self) -> str:
        """The tag of its sessions, by which the sweep recognizes them."""
        return f"{self.request.tag or ''} {TAG}{self.id}".strip()

    @property
    def stem(self) -> str:
        """The beginning of its sessions' names."""
        return f"{self.request.name if self.named else self.id}-"

    def case(self, number: int) -> Case:
        """Return a case by its number."""
        values = self.grid.at(number - 1)
        shown = " ".join(f"{name}={value}" for name, value in values.items())
        env = self._values("env", values)
        return Case(
            number=number,
            values=values,
            label=f"[{number}/{self.count} {shown}]",
            request=evolve(
                self.request,
                name=f"{self.stem}{self._padded(number)}",
                env={key: interpolate(text, env) for key, text in self.request.env.items()},
                tag=self.tag,
                # An existing session of this name is not reused: it belongs to somebody else, or an
                # earlier attempt has left it.
                no_reuse=True,
            ),
            code=self._code(values),
        )

    def cases(self, numbers: Collection[int] | None = None) -> Iterator[Case]:
        """Yield all cases, or those of these numbers, one at a time."""
        for number in numbers if numbers is not None else range(1, self.count + 1):
            yield self.case(number)

    def _code(self, values: Mapping[str, str]) -> Code:
        exec_, build = self._values("exec", values), self._values("build", values)
        code = self.code
        return evolve(
            code,
            snippet=interpolate(code.snippet, exec_),
            exec=code.exec and interpolate(code.exec, exec_),
            build=code.build and interpolate(code.build, build),
        )

    def _values(self, place: Place, values: Mapping[str, str]) -> dict[str, str]:
        return {
            one.variable: values[one.variable] for one in self.grid.ranges if one.place == place
        }

    def _padded(self, number: int) -> str:
        return str(number).zfill(max(_DIGITS, len(str(self.count))))

    def check(self) -> None:
        """Raise UsageError if the cluster would refuse the names of the sessions."""
        name = f"{self.stem}{self._padded(self.count)}"
        if not _NAME.fullmatch(name):
            raise UsageError(f"{name!r} can't be the name of a session")
        if len(name) > _LONGEST_NAME:
            raise UsageError(f"{name!r} is too long for the name of a session")

    def unused(self) -> list[str]:
        """Return the variables that no text refers to, so that the cases do not differ by them."""
        texts = {
            "exec": [self.code.exec or "", self.code.snippet],
            "build": [self.code.build or ""],
            "env": list(self.request.env.values()),
        }
        return [
            one.variable
            for one in self.grid.ranges
            if not any(mentioned(text, {one.variable}) for text in texts[one.place])
        ]


def dump_plan(plan: Plan) -> str:
    """Write a plan as JSON."""
    document = asdict(plan, recurse=False)
    document["grid"] = [[one.place, one.text] for one in plan.grid.ranges]
    document["code"] = asdict(plan.code)
    document["request"] = asdict(plan.request)
    return json.dumps(document, indent=1)


def load_plan(text: str) -> Plan:
    """Read what :func:`dump_plan` has written; raises ValueError, KeyError or TypeError."""
    document: dict[str, Any] = json.loads(text)
    ranges = [parse_range(place, expression) for place, expression in document["grid"]]
    request = _known(SessionRequest, document["request"])
    return Plan(
        **_known(Plan, document)
        | {
            "grid": make_grid(ranges),
            "request": SessionRequest(**request),
            "code": Code(**_known(Code, document["code"])),
        }
    )


def fingerprint(plan: Plan, files: "Sequence[Part]") -> str:
    """Return a text that is the same for plans with the same cases, code and files.

    The number of parallel cases, and what happens to sessions and output, do not change the text.
    """
    request = plan.request if plan.named else evolve(plan.request, name="")
    same = Plan(grid=plan.grid, request=request, code=plan.code, profile=plan.profile)
    digest = sha256(dump_plan(same).encode())
    for part in files:
        digest.update(f"\0{part.filename}\0{len(part.content)}\0".encode(errors="surrogateescape"))
        digest.update(part.content)
    return digest.hexdigest()


def _known(record: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out keys that another release has written and this one does not know."""
    names = {one.name for one in fields(record)}
    found = {key: value for key, value in document.items() if key in names}
    # JSON has no tuples, and records have no lists.
    return {key: tuple(one) if isinstance(one, list) else one for key, one in found.items()}
