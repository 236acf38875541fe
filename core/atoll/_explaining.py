"""Runs a command without a cluster, to find out which requests it would send."""

import io
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode

import trio
from attrs import define, field, frozen

from atoll._context import Context, fixed_target_of, program_of
from atoll._errors import UsageError
from atoll._paths import Paths
from atoll._preparing import Prepared
from atoll._streams import streams_of
from atoll._terminal import Source

if TYPE_CHECKING:
    from atoll._api import Api
    from atoll._api.explained import ExplainedApi
    from atoll.transport import Request

_TIMEOUT = 5.0
"""Seconds that a command may take without an answer."""
_MOST = 30
"""The most requests that are shown."""
_SECRET = re.compile(r"password|secret|token|private_key", re.IGNORECASE)


@frozen
class Sent:
    """A request, the opening of a channel, or a message on a channel that would be sent."""

    method: str
    path: str
    body: str = ""


@frozen
class Explanation:
    """The requests that are known. `is_whole` says that there are no others; `assumes` that the
    command was told that the things it looks up exist.
    """

    sent: Sequence[Sent]
    is_whole: bool
    assumes: bool


@define
class _ExplainedContext(Context):
    """A context whose connections send nothing, and whose folders are temporary."""

    home: Paths | None = None
    sent: list[Sent] = field(factory=list)
    apis: "list[ExplainedApi]" = field(factory=list)

    @property
    def paths(self) -> Paths:
        """Temporary folders."""
        return self.home or super().paths

    async def connect(self, profile: str | None = None) -> "Api":
        """Return an api that records the requests."""
        from atoll._api.explained import ExplainedApi
        from atoll._api.negotiation import ServerCache

        program, kept = program_of(self), fixed_target_of(self)
        name = profile or self.profile_name
        chosen = await trio.to_thread.run_sync(program.profile_if_up, name, kept.choice)
        cache = ServerCache(program.paths.cache, chosen)
        self.apis.append(ExplainedApi(chosen, cache, self._note))
        return self.apis[-1]

    def _note(self, request: "Request") -> None:
        from atoll._api.explained import Unanswered

        if len(self.sent) >= _MOST:
            raise Unanswered
        self.sent.append(_sent(request))

    async def connect_if_up(self, profile: str | None = None) -> "Api | None":
        """Return the same."""
        return await self.connect(profile)

    async def consent(self, question: str, *, yes: bool, official_asks: bool = True) -> None:
        """Agree, since nothing is really destroyed."""

    async def confirm(self, question: str, *, hint: str = "") -> bool:
        """Agree."""
        del question, hint
        return True

    def transport(self, *_arguments: object) -> Any:
        """Refuse, since requests of a transport are not recorded."""
        from atoll._api.explained import Unanswered

        raise Unanswered


def check_explainable(prepared: Prepared) -> None:
    """Raise UsageError for a command that can't be explained: it does something on this machine, or
    runs until it is interrupted.
    """
    node = prepared.node
    if prepared.profiles:
        raise UsageError("explain takes no @NAME", hint="name a profile: explain --profile NAME …")
    if node.single or node.asyncio or node.hidden:
        name = " ".join(node.path)
        raise UsageError(
            f"{name} can't be explained: it works on this machine, or does not end by itself",
            hint="explain is for commands that send requests to the cluster and end",
        )


async def explained(context: Context, prepared: Prepared) -> Explanation:
    """Run a prepared command without sending anything. Raises what the command raises before its
    first request.
    """
    from atoll._api.explained import Unanswered

    is_whole = False
    async with _temporary(context, prepared) as apart:
        failure: BaseException | None = None
        with trio.move_on_after(_TIMEOUT):
            try:
                await prepared.calls.run(apart)
                is_whole = True
            except Unanswered:
                pass
            except (Exception, SystemExit) as error:  # noqa: BLE001  # the command may fail because it has no answer
                failure = error
        if failure is not None and not apart.sent:
            raise failure
    # If the command has caught the error of the missing answer, it has printed a message of its
    # own.
    is_whole = is_whole and not apart.output.has_warned
    return Explanation(apart.sent, is_whole, any(api.assumes for api in apart.apis))


@asynccontextmanager
async def _temporary(context: Context, prepared: Prepared) -> AsyncIterator["_ExplainedContext"]:
    """Make the context for a command that is only explained, with temporary folders."""
    program = program_of(context)
    nothing = Source(None)
    options = {one.name: one.value for one in prepared.given}
    with TemporaryDirectory() as folder, prepared.calls:
        root = Path(folder)
        apart = _ExplainedContext(
            program=program,
            output=program.output(stdout=io.StringIO(), stderr=io.StringIO()),
            stdin=nothing,
            jobs=context.jobs,
            profile_name=str(options.get("profile") or context.profile_name or "") or None,
            command=" ".join(prepared.node.path),
            words=prepared.words,
            options=options,
            foreground=False,
            choice=fixed_target_of(context).choice,
            home=Paths(*(root / name for name in Paths._fields)),
        )
        with streams_of(nothing, io.StringIO()):
            yield apart


def _sent(request: "Request") -> Sent:
    query = f"?{unquote(urlencode(request.query))}" if request.query else ""
    return Sent(request.method, unquote(request.path) + query, _body(request))


def _body(request: "Request") -> str:
    if request.parts:
        return ", ".join(f"{one.filename} ({len(one.content)} bytes)" for one in request.parts)
    if not isinstance(request.body, bytes):
        return "" if request.body is None else "a stream of bytes"
    try:
        document = json.loads(request.body)
    except (ValueError, RecursionError):
        return f"{len(request.body)} bytes"
    shown = _without_secrets(document)
    if isinstance(shown, dict) and shown.keys() == {"query", "variables"}:
        # The most important keys come first, since tables cut bodies.
        shown = {"variables": shown["variables"], "query": shown["query"]}
    return json.dumps(shown, ensure_ascii=False)


def _without_secrets(document: Any) -> Any:
    """Return a document with `***` for values whose keys name secrets, and with simple
    white space.
    """
    if isinstance(document, dict):
        return {
            key: "***" if _SECRET.search(key) and value else _without_secrets(value)
            for key, value in document.items()
        }
    if isinstance(document, list):
        return [_without_secrets(one) for one in document]
    return " ".join(document.split()) if isinstance(document, str) else document
