"""Front door 1: one command, and the choice between the three front doors.

Imports are late on purpose: what is needed depends on the line, and `--version` needs nothing.
"""

import gc
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from io import TextIOWrapper
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from pathlib import Path

    from atoll._options import Options
    from atoll._program import Program


def main() -> None:
    """Run the program; the console scripts `atoll` and `backend.ai` call this."""
    _repair_streams()
    if sys.argv[1:] in (["--version"], ["-V"]):
        leave(_guard(show_version))
    # Start-up makes many objects but hardly any garbage, so garbage is collected less often.
    gc.set_threshold(100_000, 50, 50)
    leave(run_guarded(sys.argv[1:]))


def run_guarded(arguments: Sequence[str]) -> int:
    """Do what the arguments ask for. Ctrl-C and a closed pipe become exit codes."""
    return _guard(partial(run, arguments))


def _guard(run: Callable[[], int]) -> int:
    try:
        code = run()
        if not code:
            # Output that can't be written is a failure.
            sys.stdout.flush()
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        code = 141
    except OSError as error:
        from atoll._errors import from_os_error

        with suppress(OSError):
            sys.stderr.write(f"atoll: {from_os_error(error)}\n")
        code = 1
    return code


def leave(code: int) -> NoReturn:
    """End the process. Output that can't be written any more, because its reader has gone, is
    dropped.
    """
    try:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
    finally:
        # Ctrl-C changes nothing any more. Everything is closed by now; to finalize the interpreter
        # would take a fifth of the time of `--help`.
        os._exit(code)


def _repair_streams() -> None:
    """Open /dev/null for standard streams that are closed, and make the others accept any text.

    Otherwise, a file or socket that is opened later would get the descriptor of a closed stream.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or open(0)  # noqa: SIM115  # open as long as the program runs, as the next two
    sys.stdout = sys.stdout or open(1, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w")  # noqa: SIM115
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        # Texts may contain characters that the terminal's encoding lacks.
        sys.stdout.reconfigure(errors="backslashreplace")


def show_version() -> int:
    """Print the version; returns the exit code."""
    from atoll._version import __version__

    print(f"atoll {__version__}")  # noqa: T201  # there is no output to write it with yet
    return 0


USAGE = "[OPTIONS] [COMMAND [ARGS]...]"


def run(arguments: Sequence[str]) -> int:
    """Do what the arguments ask for; returns the exit code."""
    from atoll._errors import AtollError
    from atoll._options import parse
    from atoll._program import Program
    from atoll._timings import begin, measured
    from atoll._warnings import warn

    try:
        options = parse(arguments)
        if options.version:
            return show_version()
        if options.timings:
            begin()
        with measured("plugins, settings and the tree of commands"):
            program = Program.load(plugins=not options.no_plugins)
        program.settings.profile_name = options.profile
        program.settings.skip_tls_check = options.skip_tls_check
        program.settings.timeout = options.timeout
        return _run_front_door(program, options)
    except AtollError as error:
        warn(str(error))
        return error.exit_code


def _run_front_door(program: "Program", options: "Options") -> int:
    from atoll._timings import measured, tell_start

    if options.help:
        from atoll._help import group_help
        from atoll._node import program_name
        from atoll._options import option_rows

        usage = f"{program_name()} {USAGE}"
        print(group_help(program.tree.root, usage, option_rows()))  # noqa: T201  # help is the output here
        return 0
    if options.words:
        return one_command(program, options)
    if options.lines is not None or options.script is not None or not sys.stdin.isatty():
        return _batch(program, options)
    if options.checkpoint or options.echo:
        from atoll._errors import UsageError

        raise UsageError("--echo and --checkpoint are for scripts", hint="-c LINES or -f FILE")
    with measured("importing the prompt"):
        from atoll._shell.main import run_shell
    tell_start()
    return run_shell(program, output_format=options.output)


def _alias(program: "Program", options: "Options") -> int:
    """Run a line that begins with an alias."""
    from atoll import _runtime
    from atoll._interpreter import Interpreter
    from atoll._runner import Runner
    from atoll._syntax import SimpleCommand
    from atoll._terminal import Source
    from atoll.text import quote

    async def run() -> int:
        node = SimpleCommand(words=options.words, text=" ".join(map(quote, options.words)))
        runner = Runner(program, stdin=Source(), output_format=options.output)
        code = await Interpreter(runner, program.variables).run([node])
        await program.aclose()
        return code

    program.target.begin()
    return _runtime.run(run, guest=program.needs_asyncio())


def one_command(program: "Program", options: "Options") -> int:
    """Run the command in the words after the options; returns its exit code."""
    from atoll._commands import before_command

    name = options.words[before_command(options.words) :][:1]
    if name and program.tree.root.child(name[0]) is None and name[0] in program.aliases.lines:
        return _alias(program, options)
    from atoll._click_prompts import Printed, before_loop
    from atoll._parsing import HelpAsked
    from atoll._streams import streams_of
    from atoll._terminal import Source
    from atoll._timings import measured, tell_start

    stdin = Source()
    try:
        # This is done before an event loop is imported, since help and usage errors need none.
        with streams_of(stdin, Printed()), measured(f"importing the command {options.words[0]}"):
            prepared = before_loop(program.tree.prepare, options.words)
    except HelpAsked as asked:
        if str(asked):
            print(asked)  # noqa: T201  # help is the output here
        return asked.code
    with measured("importing what runs commands"):
        from atoll import _runtime
        from atoll._runner import Runner
        from atoll._statement import Statement
        from atoll.text import quote
    tell_start()

    async def one() -> int:
        statement = Statement(words=options.words, text=" ".join(map(quote, options.words)))
        runner = Runner(program, stdin=stdin, output_format=options.output)
        code = await runner.run(statement, prepared)
        await program.aclose()
        return code

    return _runtime.run(one, guest=prepared.node.asyncio or program.needs_asyncio())


def _count_lines(script: "Path") -> int:
    """Count the lines of a script for the progress display; 0 if the script can be read
    only once.
    """
    if not sys.stderr.isatty() or not script.is_file():
        return 0
    with script.open("rb") as file:
        return sum(1 for _ in file)


def _batch(program: "Program", options: "Options") -> int:
    from pathlib import Path

    from atoll._timings import measured, tell_start

    with measured("importing what runs scripts"):
        from atoll import _runtime
        from atoll._batch import Batch
        from atoll._errors import AtollError
        from atoll._terminal import Source

    batch = Batch(
        program,
        options.keep_going,
        options.output,
        echo=options.echo,
        checkpoint=options.checkpoint,
        resume=options.resume,
    )
    if options.lines is not None:
        script, stdin = Source.of_text(options.lines), Source()
    elif options.script is not None:
        try:
            script = Source(Path(options.script).open(encoding="utf-8"))  # noqa: SIM115  # it stays open as long as the program runs
            stdin = Source()
            batch.total = _count_lines(Path(options.script))
        except OSError as error:
            raise AtollError(f"{options.script}: {error.strerror}") from None
    else:
        script, stdin = Source(), None
    tell_start()
    return _runtime.run(lambda: batch.run(script, stdin=stdin), guest=program.needs_asyncio())
