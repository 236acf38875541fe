"""Front door 2: lines from a pipe, a file or `-c`, run one after the other."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import trio
from attrs import define

from atoll._errors import ExitCode
from atoll._interpreter import Interpreter
from atoll._jobs import Jobs
from atoll._line import Assembler
from atoll._program import Program
from atoll._runner import Runner
from atoll._syntax import LineError, Node
from atoll._terminal import Source, open_terminal
from atoll._warnings import warn


@define
class Batch:
    """A script: stops at the first failure with its exit code, unless told to keep going.

    With `keep_going` the exit code is that of the first failure.
    """

    program: Program
    keep_going: bool = False
    output_format: str = ""

    async def run(self, script: Source, *, stdin: Source | None = None) -> int:
        """Run all lines, then wait for what was sent to the background; returns the exit code."""
        await trio.to_thread.run_sync(self.program.target.begin)
        async with trio.open_nursery() as nursery:
            jobs = Jobs(nursery)
            # The script occupies standard input: code that asks for input asks the terminal.
            stdin = stdin or Source(open_terminal())
            runner = Runner(self.program, jobs, stdin, self.output_format)
            interpreter = Interpreter(
                runner, self.program.variables, self.keep_going, names_lines=True
            )
            code = await self._run_lines(script, interpreter)
        await self.program.aclose()
        return code or jobs.first_failure()

    async def _run_lines(self, script: Source, interpreter: Interpreter) -> int:
        first_failure = int(ExitCode.OK)
        async with aclosing(_statements(script)) as found:
            async for one in found:
                if isinstance(one, LineError):
                    warn(f"line {one.line}: {one}")
                    code = int(one.exit_code)
                else:
                    code = await interpreter.run_one(one)
                first_failure = first_failure or code
                if interpreter.ends(code):
                    break
        return first_failure


async def _statements(script: Source) -> AsyncGenerator[Node | LineError]:
    """Yield statements as their lines come in, and the errors of lines that hold none."""
    assembler = Assembler()
    mark = "\ufeff"  # some editors begin a file with it
    while (line := await script.line()) is not None:
        line, mark = line.removeprefix(mark), ""
        try:
            found = assembler.feed(line)
        except LineError as error:
            yield error
            continue
        for statement in found:
            yield statement
    try:
        assembler.close()
    except LineError as error:
        yield error
