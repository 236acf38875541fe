"""Standard input for `run` on clusters whose API can't send it: the input is uploaded as a file.

A command reads the file, which is deleted as soon as the command has opened it. Python code reads
it in the same way; code in a session of another language can't read a file as its input.
"""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING
from uuid import uuid4

import trio
from attrs import evolve

from atoll import AtollError, Context
from atoll.transport import ChannelClosed
from atoll_sessions.code import Code
from atoll_sessions.files import MOST_BYTES, MOST_FILES, upload
from atoll_sessions.run_answers import TURN
from atoll_sessions.streams import open_stream

if TYPE_CHECKING:
    from atoll import Api

_SILENCE = 2.0
"""Seconds of silence after which the user is told that the command waits for input."""
_READS = re.compile(r"input|stdin|getpass|breakpoint|pdb")
"""Words in code that show that the code would notice an empty input."""
_READY = "atoll: the input is ready"
"""The line that the preparation of Python code prints."""
_COMMAND = """unset _BACKEND_BATCH_MODE
{open} || exit 1
{command}"""
"""The variable would make Python in 23.09 ask the user for each line of `input()`, so it is
unset.
"""
_PYTHON = """
def _atoll_input(path):
    import builtins, getpass, io, os, shutil, sys
    events, stdin, kept = get_ipython().events, sys.stdin, os.dup(0)
    def ask(prompt="", stream=None):
        sys.stdout.write(str(prompt))
        sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            raise EOFError("EOF when reading a line")
        return line[:-1] if line.endswith("\\n") else line
    def begin(*_):
        events.unregister("pre_run_cell", begin)
        events.register("post_run_cell", end)
        os.dup2(data.fileno(), 0)
        data.close()
        sys.stdin = io.TextIOWrapper(
            io.BufferedReader(io.FileIO(0, closefd=False)), "utf-8", "surrogateescape"
        )
        builtins.input = getpass.getpass = ask
    def end(*_):
        events.unregister("post_run_cell", end)
        os.dup2(kept, 0)
        os.close(kept)
        sys.stdin = stdin
    if path:
        data = open(path + ".all", "w+b")
        for name in sorted(os.listdir(path)):
            with open(os.path.join(path, name), "rb") as part:
                shutil.copyfileobj(part, data)
        data.seek(0)
        shutil.rmtree(path)
        os.remove(path + ".all")
    else:
        data = open(os.devnull, "rb")
    events.register("pre_run_cell", begin)
    print({ready!r})
_atoll_input({path!r})
del _atoll_input
"""


async def upload_input(context: Context, api: "Api", session_id: str, code: Code) -> Code:
    """Upload standard input up to its end; returns code that reads it.

    Raises AtollError if there is input, but the code has no way to read it.
    """
    folder = f".atoll-input-{uuid4().hex[:8]}"
    async with _explained(context):
        size = await _upload(context, api, session_id, folder)
    if code.mode == "batch":
        return _reading(code, folder if size else "")
    if size or _READS.search(code.snippet):
        await _prepare(api, session_id, folder if size else "")
    return code


async def _prepare(api: "Api", session_id: str, folder: str) -> None:
    """Make the session's Python read the file as the input of the next code."""
    snippet = _PYTHON.replace("{ready!r}", repr(_READY)).replace("{path!r}", repr(folder))
    printed = await _run_aside(api, session_id, Code(mode="query", snippet=snippet))
    if _READY not in printed and folder:
        raise AtollError(
            "on this cluster, piped input can't reach the session's interpreter",
            hint="run a command by --exec, or give it no input: </dev/null",
        )


async def _run_aside(api: "Api", session_id: str, code: Code) -> str:
    """Run code until it ends or asks for input; returns what it printed."""
    printed = []
    async with open_stream(api, session_id, "execute") as channel:
        await channel.send(json.dumps(code.message()))
        with suppress(ChannelClosed):
            while True:
                turn = api.decode(await channel.receive(), TURN)
                printed += [value for kind, value in turn["console"] or () if kind == "stdout"]
                if turn["status"] in ("finished", "waiting-input", "error", "exec-timeout"):
                    break
    return "".join(printed)


def _reading(code: Code, folder: str) -> Code:
    """Return the code, with its last step reading its input from the file."""
    if code.exec in (None, "", "*"):
        if not folder:
            return code
        raise AtollError(
            "on this cluster, piped input can't reach files that run by themselves",
            hint="name the program by --exec, or give it no input: </dev/null",
        )
    joined = f"cat {folder}/* > {folder}.all && rm -r {folder}"
    opened = f"{joined} && exec < {folder}.all && rm {folder}.all" if folder else "exec </dev/null"
    return evolve(code, exec=_COMMAND.format(open=opened, command=code.exec))


async def _upload(context: Context, api: "Api", session_id: str, folder: str) -> int:
    """Upload the input in parts, since the API accepts only small files; returns its size in
    bytes.
    """
    from atoll.transport import Part

    size, parts = 0, []
    async with aclosing(_blocks(context)) as blocks:
        async for block in blocks:
            parts.append(Part("src", f"{folder}/{size // MOST_BYTES:08}", block))
            size += len(block)
            if len(parts) == _TOGETHER:
                await upload(api, session_id, parts)
                parts = []
    await upload(api, session_id, parts)
    return size


_TOGETHER = min(8, MOST_FILES)
"""How many parts are held in memory and sent in one request."""


async def _blocks(context: Context) -> AsyncGenerator[bytes]:
    """Yield the input in blocks of the largest size that a file may have; the last may be
    smaller.
    """
    pending = bytearray()
    async with aclosing(context.stdin.pieces()) as pieces:
        async for piece in pieces:
            pending += piece
            while len(pending) >= MOST_BYTES:
                yield bytes(pending[:MOST_BYTES])
                del pending[:MOST_BYTES]
    if pending:
        yield bytes(pending)


@asynccontextmanager
async def _explained(context: Context) -> AsyncIterator[None]:
    """If the input does not end for a long time, explain that the command waits for its end:
    perhaps nobody will end it.
    """

    async def explain() -> None:
        await trio.sleep(_SILENCE)
        context.output.warn(
            "waiting for the end of the piped input, which this cluster accepts only as a file;"
            " </dev/null sends no input"
        )

    async with trio.open_nursery() as nursery:
        nursery.start_soon(explain)
        yield
        nursery.cancel_scope.cancel()
