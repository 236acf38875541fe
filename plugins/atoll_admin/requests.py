"""Sends requests of administrators, and interprets the cluster's refusals.

Releases use different words and statuses for refusals: 23.09 answers 401 if a role is missing,
GraphQL answers 200 to everything, and some mutations report their failure in a `msg`.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from atoll import AtollError, NotAuthorized, NotFound, Problem
from atoll.reading import Shape, maybe

if TYPE_CHECKING:
    from atoll import Api

_ROLE = "your account may not do this"
_FORBIDDEN = re.compile(r"(?i)forbidden|privilege|no permission|not authorized|only \w*admin")
_ABSENT = re.compile(
    # The last one is the answer of 26.x for an agent that does not exist.
    r"(?i)no such|no matching|not found|does not exist|unknown image|Values:\s*\[\]"
)
_UNKNOWN_ROOT = re.compile(r"Cannot query field '(\w+)' on type '(Query|Queries|Mutations?)'")
_UNKNOWN_FIELD = re.compile(r"Cannot query field '(\w+)' on type '\w+'")
_UNKNOWN_INPUT = re.compile(r"[Ff]ield '(\w+)' is not defined by type '(\w+)'")
_DUPLICATE = re.compile(r"Key \(.*?\)=\((.*?)\) already exists")
_IN_USE = re.compile(r'is still referenced from table "(\w+)"')
_LONGEST = 300


async def run_query(
    api: "Api",
    root: str,
    arguments: Mapping[str, tuple[str, Any]],
    selection: str,
    like: Shape = object,
) -> Any:
    """Query one GraphQL root and return its answer, read as the shape `like`.

    `arguments` maps names to a type and a value. Raises UnknownFields if the cluster does not know
    the selected fields, NotOffered, NotAuthorized, NotFound, or AtollError.
    """
    return await _gql(api, root, _body("query", root, arguments, selection), like)


async def _gql(api: "Api", root: str, body: Mapping[str, Any], like: Shape) -> Any:
    try:
        data = await api.gql(body["query"], body["variables"], like={root: maybe(like)})
    except Problem as problem:
        raise _explain(problem, await api.manager()) from None
    return data[root]


@frozen
class Mutation:
    """A mutation with its arguments, each with a type and a value; the first one names the
    entity.
    """

    root: str
    arguments: Mapping[str, tuple[str, Any]]
    selection: str = "ok msg"

    @property
    def key(self) -> Any:
        """The value of the first argument."""
        return next(iter(self.arguments.values()))[1]

    @property
    def body(self) -> Mapping[str, Any]:
        """The body for `POST /admin/gql`."""
        return _body("mutation", self.root, self.arguments, self.selection)

    async def send(self, api: "Api") -> Mapping[str, Any]:
        """Send it and return the answer; raises what `run_query` does."""
        return _succeeded(await _gql(api, self.root, self.body, dict))


def _body(
    operation: str, root: str, arguments: Mapping[str, tuple[str, Any]], selection: str
) -> Mapping[str, Any]:
    declared = ", ".join(f"${name}: {typed}" for name, (typed, _value) in arguments.items())
    passed = ", ".join(f"{name}: ${name}" for name in arguments)
    head = f"{operation}({declared})" if declared else operation
    call = f"{root}({passed})" if passed else root
    return {
        "query": f"{head} {{ {call} {{ {selection} }} }}",
        "variables": {name: value for name, (_typed, value) in arguments.items()},
    }


class UnknownFields(AtollError):
    """The cluster can't return some of the selected fields: its release does not have them, or
    failed to compute them.
    """

    def __init__(self, names: Sequence[str], manager: str) -> None:
        plural = "s" * (len(names) > 1)
        super().__init__(f"this cluster ({manager}) has no field{plural} {', '.join(names)}")
        self.names = names


class NotOffered(AtollError):
    """The cluster's release does not have the requested function: it was added later, or
    removed.
    """

    def __init__(self, what: str, manager: str) -> None:
        super().__init__(f"this cluster ({manager}) does not offer {what}")


async def send(
    api: "Api",
    method: str,
    path: str,
    params: Mapping[str, Any] | None = None,
    like: Shape = object,
) -> Any:
    """Send a request of the REST API and return its answer, read as the shape `like`.

    Raises what :func:`run_query` does.
    """
    try:
        return await api.json(method, path, params=params, like=like)
    except Problem as problem:
        if problem.status == 401 and "unauthorized access" in problem.message.lower():
            raise NotAuthorized(_ROLE) from None
        if problem.type == "url-not-found":
            raise NotOffered(f"{method} {path}", await api.manager()) from None
        raise


def _succeeded(answer: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if answer and answer.get("ok", True):
        return answer
    raise _failure(str((answer or {}).get("msg") or "the cluster did not say why"))


def _failure(message: str) -> AtollError:
    """Return the error for the message of a failed mutation."""
    line = _readable(message)
    if _FORBIDDEN.search(line):
        return NotAuthorized(line, hint=_ROLE)
    return NotFound(line) if _ABSENT.search(line) else AtollError(line)


def _readable(message: str) -> str:
    """Shorten a message to its useful part, since some messages come from the database."""
    if duplicate := _DUPLICATE.search(message):
        return f"{duplicate[1]} already exists"
    if user := _IN_USE.search(message):
        return f"it is still in use by {user[1].replace('_', ' ')}"
    line = " ".join(message.partition("[SQL:")[0].split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _explain(problem: Problem, manager: str) -> AtollError:
    if problem.type != "graphql-error":
        return problem
    messages = _messages(problem)
    everything = " ".join(messages)
    if root := _UNKNOWN_ROOT.search(everything):
        return NotOffered(root[1], manager)
    if fields := _UNKNOWN_FIELD.findall(everything) or _failed_fields(problem):
        return UnknownFields(fields, manager)
    if inputs := _UNKNOWN_INPUT.findall(everything):
        unknown = ", ".join(name for name, _type in inputs)
        return AtollError(f"this cluster ({manager}) does not take {unknown}")
    return _failure(messages[0])


def _failed_fields(problem: Problem) -> list[str]:
    """Return the fields below the root that have failed, if nothing else went wrong."""
    paths = [path if isinstance(path := one.get("path"), list) else [] for one in _errors(problem)]
    below = [[part for part in path if isinstance(part, str)] for path in paths]
    return [path[-1] for path in below] if all(len(path) > 1 for path in below) else []


def _errors(problem: Problem) -> list[dict[str, Any]]:
    errors = problem.data if isinstance(problem.data, list) else []
    return [error for error in errors if isinstance(error, dict)]


def _messages(problem: Problem) -> list[str]:
    return [str(error.get("message")) for error in _errors(problem)] or [problem.message]
