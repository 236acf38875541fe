"""`watch`: repeats a command, or shows the events of a session, as Backend.AI's client does."""

import math
import re
from collections.abc import Sequence

import click

from atoll import Context, Name, UsageError
from atoll.text import quote
from atoll_sessions.repeat.repeater import Plan, Repeater, Result

_SECONDS = re.compile(r"\d+(\.\d+)?")
_PAUSE = 2.0
_SHORTEST_PAUSE = 0.1


class _SecondsFirst(click.Command):
    """Accepts its options also after the seconds; options after the command's name belong to the
    command.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options after the seconds, and put the seconds before the words again."""
        first = args[:1] if len(args) > 1 and _SECONDS.fullmatch(args[0]) else []
        rest = super().parse_args(ctx, args[len(first) :])
        ctx.params["words"] = (*first, *ctx.params["words"])
        return rest


@click.command(
    cls=_SecondsFirst,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option(
    "--until", metavar="EXPR", help='Stop when this is true for a record, e.g. status == "RUNNING".'
)
@click.option(
    "--while", "unless", metavar="EXPR", help="Stop when this is no longer true for any record."
)
@click.option(
    "--timeout",
    "patience",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Give up after this time; the exit code is then 124.",
)
@click.option("--count", type=click.IntRange(1), metavar="TIMES", help="Stop after this many runs.")
@click.argument("words", nargs=-1, type=Name("line"), metavar="[SECONDS] COMMAND... | SESSION")
async def watch(
    context: Context,
    until: str | None,
    unless: str | None,
    patience: float | None,
    count: int | None,
    words: tuple[str, ...],
) -> int:
    """Run COMMAND every 2 seconds, or SECONDS, and show what has changed.

    At a terminal it has the screen to itself: arrows scroll, Space looks at once, q leaves. In a
    pipe, it prints one result after the other. It goes on while the cluster is away.

    Conditions are those of --filter, on the fields that the command tells, on exit_code and on
    output. Exit codes: 0 when what was waited for has come, 124 after --timeout, 130 at Ctrl-C.

    With a SESSION, it tells what happens to that, as `session watch` does.
    """
    pause, rest = _split(words)
    conditions = until is not None or unless is not None
    if pause is None and not _is_line(context, rest):
        if conditions or patience is not None or count is not None:
            raise UsageError(
                f"watch: no such command: {rest[0]}" if rest else "watch: give a command to repeat",
                hint="atoll watch ps",
            )
        return await context.run(_line(context, ["session", "watch", *rest]))
    if until is not None and unless is not None:
        raise UsageError("--until and --while exclude each other")
    from atoll_sessions.repeat.conditions import Condition

    plan = Plan(
        line=_line(context, rest),
        pause=max(_SHORTEST_PAUSE, _PAUSE if pause is None else pause),
        until=None if until is None else Condition.parse(until),
        unless=None if unless is None else Condition.parse(unless),
        count=count or math.inf,
        timeout=patience or math.inf,
    )
    return await _watch(context, plan)


def _split(words: Sequence[str]) -> tuple[float | None, Sequence[str]]:
    """Separate the seconds from the line to repeat; a number alone is the name of a session."""
    if len(words) > 1 and _SECONDS.fullmatch(words[0]):
        return float(words[0]), words[1:]
    return None, words


def _is_line(context: Context, words: Sequence[str]) -> bool:
    """Whether the words are a line of the shell, not a session with options."""
    if not words or not words[0].strip():
        return False
    if context.output.as_official and len(words) == 1:
        return False  # in that client a single word is a session, even if a command has this name
    first = words[0].split()[0]
    return first[0] in "!@" or context.is_command(first) or first in ("atoll", "backend.ai")


def _line(context: Context, words: Sequence[str]) -> str:
    """Return the line that the words stand for; one word may contain a whole line."""
    if len(words) == 1 and " " in words[0]:
        return words[0]
    if words[0] == "!":
        return " ".join(["!", *map(quote, words[1:])])
    given = {name: context.options.get(name) for name in ("profile", "output")}
    options = [f"--{name}={value}" for name, value in given.items() if value]
    return " ".join(map(quote, [*words, *options]))


async def _watch(context: Context, plan: Plan) -> int:
    from atoll.fullscreen import check_terminal

    try:
        check_terminal(context, "watch")
    except UsageError:
        in_tables = context.output.chosen_format() == "table" and "--output" not in plan.line
        return await Repeater(context, plan, _Printer(context, apart=in_tables).show).run()
    from atoll_sessions.repeat.view import View

    view = View(context, plan)
    code = await view.run()
    if view.last is not None and code and view.last.code == code:
        context.output.stream("stderr", view.last.capture.of("stderr"))
    return code


class _Printer:
    """Prints results one after the other; with `apart`, an empty line separates them."""

    def __init__(self, context: Context, *, apart: bool) -> None:
        self._output = context.output
        self._between = "\n" if apart else ""
        self._has_printed = False

    def show(self, result: Result) -> None:
        """Print a result."""
        text = result.capture.of("stdout")
        if text and self._has_printed:
            self._output.stream("stdout", self._between)
        self._has_printed = self._has_printed or bool(text)
        self._output.stream("stdout", text)
        self._output.stream("stderr", result.capture.of("stderr"))
