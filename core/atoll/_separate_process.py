"""Runs a command in another process: one that needs asyncio, in a script that has begun without it.

A script runs without asyncio, because importing that takes time, and can't switch to it later.
"""

import io
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING

import trio

from atoll._profiles import ENVIRONMENT
from atoll._terminal import Source

if TYPE_CHECKING:
    from atoll._program import Program


async def run_separately(
    program: "Program", words: Sequence[str], output_format: str, stdin: Source, stdout: IO[str]
) -> int:
    """Run the words of a line in another atoll process, with the options of this one; returns its
    exit code.
    """
    stdout.flush()
    has_file = _has_file(stdout)
    ended = await trio.run_process(
        # Without -P, Python would import modules from the current folder.
        [sys.executable, "-P", "-m", "atoll", *_options(program, output_format), *words],
        stdin=stdin.file if stdin.file and _has_file(stdin.file) else subprocess.DEVNULL,
        stdout=stdout if has_file else subprocess.PIPE,
        check=False,
        env=dict(program.environ),
    )
    if not has_file:
        stdout.write(ended.stdout.decode(errors="replace"))
    return ended.returncode if ended.returncode >= 0 else 128 - ended.returncode


def _options(program: "Program", output_format: str) -> Iterator[str]:
    # The profile is given by name, so that it is the same even if another profile is chosen
    # meanwhile.
    if (profile := program.target.name) and profile != ENVIRONMENT:
        yield f"--profile={profile}"
    if output_format:
        yield f"--output={output_format}"
    if program.settings.timeout is not None:
        yield f"--timeout={program.settings.timeout:g}"


def _has_file(stream: IO[str]) -> bool:
    try:
        stream.fileno()
    except (io.UnsupportedOperation, AttributeError):
        return False
    return True
