"""One run of code, on a cluster that answers as Backend.AI does."""

import json
from contextlib import asynccontextmanager
from io import StringIO
from types import SimpleNamespace

import pytest
import trio
from attrs import define, field

from atoll import ApiVersion, AtollError
from atoll.output import Output
from atoll_sessions.code import Code
from atoll_sessions.execution import Execution


@define
class Api:
    """Ends each run with an exit code."""

    exit_code: int
    error: str = ""
    login: object = None
    sent: list = field(factory=list)

    async def supports(self, _what):
        return False

    async def version(self):
        return ApiVersion(6, "20220615")

    @asynccontextmanager
    async def open(self, _path):
        yield self

    async def send(self, text):
        self.sent.append(json.loads(text))

    async def receive(self):
        if self.error:
            return json.dumps({"status": "error", "msg": self.error})
        return json.dumps({"status": "finished", "exitCode": self.exit_code, "console": []})

    def decode(self, text, _shape):
        return json.loads(text)


@pytest.mark.parametrize(
    ("exit_code", "mode", "is_told"),
    [(127, "query", True), (127, "batch", False), (0, "query", False)],
)
async def test_a_session_without_an_interpreter_is_told(exit_code, mode, is_told):
    """Where nothing but an exit code tells that nothing has run."""
    output = Output(writer=None, stdout=StringIO(), stderr=StringIO())
    stdin = SimpleNamespace(is_terminal=True)
    context = SimpleNamespace(output=output, stdin=stdin, interrupts=never)
    run = Execution(context, Api(exit_code), "id", "train")

    assert await run.run(Code(mode=mode, snippet="1", exec="x")) == exit_code

    told = "atoll: the session has no interpreter for -c (atoll logs train shows why)\n"
    assert output.stderr.getvalue() == (told if is_told else "")


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        ("<KernelExecutionFailed: Agent-side exception (JSONDecodeError('…'))>", "an HTML page; "),
        ("<KernelExecutionFailed: None>", "(atoll restart train lets it run code again)"),
        ("Something else", "Something else"),
    ],
)
async def test_what_stops_a_session_of_backend_ai_is_told(error, hint):
    """Its agents pass on pictures, but fail at HTML, and at all code after that."""
    output = Output(writer=None, stdout=StringIO(), stderr=StringIO())
    context = SimpleNamespace(
        output=output, stdin=SimpleNamespace(is_terminal=True), interrupts=never
    )
    run = Execution(context, Api(0, error=error), "id", "train")
    with pytest.raises((AtollError, BaseExceptionGroup)) as caught:
        await run.run(Code(mode="query", snippet="1"))
    error = caught.value
    while isinstance(error, BaseExceptionGroup):
        [error] = error.exceptions
    assert isinstance(error, AtollError)
    assert hint in str(error)


@asynccontextmanager
async def never():
    """Tell of no key."""
    yield forever()


async def forever():
    await trio.sleep_forever()
    yield
