"""Shows the output of jobs, and follows their progress."""

import codecs
import json
import socket
from collections.abc import Awaitable, Callable

import trio

from atoll._jobs import Job
from atoll.text import printable

_REDRAW = 0.5
"""Seconds between two redraws of a job's progress."""
_LONGEST = 8192
"""A line that is longer than this, in characters, is shown before its end has arrived."""


async def relay(descriptor: int, job: Job, show: Callable[[str], Awaitable[None]]) -> None:
    """Show what is read from a pipe: at once while the job is in the foreground, otherwise as whole
    lines with the job's number before each.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    begun = ""
    async with trio.lowlevel.FdStream(descriptor) as pipe:
        try:
            async for chunk in pipe:
                text = begun + decoder.decode(chunk)
                lines, begun = (text, "") if job.foreground else _whole_lines(job, text)
                if lines:
                    await show(lines)
        finally:
            if begun:
                with trio.CancelScope(shield=True) as scope:
                    scope.deadline = trio.current_time()
                    await show(labelled(job.number, begun))


def _whole_lines(job: Job, text: str) -> tuple[str, str]:
    """Return the whole lines of a text, with the job's number, and the rest."""
    lines, end, rest = text.rpartition("\n")
    if len(rest) > _LONGEST:
        lines, end, rest = text, "\n", ""
    return labelled(job.number, lines) if end else "", rest


def labelled(number: int, lines: str) -> str:
    """Return lines with the number of their job before each."""
    return "".join(f"[{number}] {line}\n" for line in lines.split("\n"))


async def follow_progress(
    prompt: socket.socket, task: bytes, job: Job, redraw: Callable[[], None]
) -> None:
    """Send a job's process its task, and keep its progress messages; `redraw` shows them, not more
    often than necessary.
    """
    drawn = 0.0
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(prompt.dup()))
    async with stream:
        try:
            await _tell(prompt, stream, task)
            begun = b""
            async for chunk in stream:
                *lines, begun = (begun + chunk).split(b"\n")
                begun = begun[-_LONGEST:]
                if lines:
                    job.doing = printable(str(json.loads(lines[-1])))
                    if trio.current_time() - drawn > _REDRAW:
                        drawn = trio.current_time()
                        redraw()
        except (trio.BrokenResourceError, ValueError):
            pass  # the process is ending, or is not one of atoll


async def _tell(prompt: socket.socket, stream: trio.SocketStream, task: bytes) -> None:
    try:
        await stream.send_all(task)
    except trio.Cancelled:
        # The process handles no signals before it has read its task, so it would wait for ever.
        prompt.shutdown(socket.SHUT_RDWR)
        raise
