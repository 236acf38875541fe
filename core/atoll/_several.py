"""Runs a line on several profiles at once: `@* ps`, `@lab,home info mine`."""

import time
from fnmatch import fnmatchcase
from typing import IO, TYPE_CHECKING, Any, cast

import trio
from attrs import evolve, frozen

from atoll._commands import before_command
from atoll._context import Context
from atoll._errors import ExitCode, NotFound, UsageError
from atoll._preparing import Prepared
from atoll._profile_prefix import MARK
from atoll._protection import says, says_yes, shown_line
from atoll._statement import Statement
from atoll.output._gathered import GatheredOutput, Gathering, Labelled

if TYPE_CHECKING:
    from atoll._program import Program
    from atoll._runner import Runner

_MOST_CONCURRENT = 8
"""The most profiles on which the line runs at the same time."""


@frozen
class Share:
    """One profile's part of a line that runs on several."""

    profile: str
    gathering: Gathering
    seconds: float
    """Seconds that it may take."""

    def output(self, program: "Program", **options: Any) -> GatheredOutput:
        """Make the output of the command for this profile."""
        usual = {**program.output_options(), "as_official": False}
        return GatheredOutput(**usual, **options, label=self.profile, gathering=self.gathering)


async def run_several(
    runner: "Runner", statement: Statement, prepared: Prepared, context: Context
) -> int:
    """Run a line on each profile that it names, and write the results together; returns the worst
    exit code. A failure on one profile is reported in a line, and does not stop the others.
    """
    program = runner.program
    _refuse(statement, prepared)
    profiles = await trio.to_thread.run_sync(_matching, program, prepared.profiles)
    await _ask_first(context, prepared, profiles)
    began, gathering = time.monotonic(), Gathering(profiles)
    codes, reported = list[int](), list[bool]()
    places = trio.CapacityLimiter(_MOST_CONCURRENT)
    seconds = program.settings.timeout or program.settings["several.timeout"]

    async def run_one(profile: str) -> None:
        share = Share(profile, gathering, seconds)
        file = Labelled(context.output.stdout, profile)
        async with places:
            inner = evolve(runner, share=share, foreground=False, nested=True)
            code = await inner.run_share(_aimed(statement, profile), cast("IO[str]", file))
        file.finish()
        codes.append(code)
        reported.append(inner.has_reported or not code)

    async with trio.open_nursery() as nursery:
        for profile in profiles:
            nursery.start_soon(run_one, profile)
    await gathering.write(context.output)
    runner.has_reported = all(reported)
    if context.foreground:
        program.last_seconds = time.monotonic() - began
    return max(codes, default=ExitCode.OK)


def _refuse(statement: Statement, prepared: Prepared) -> None:
    """Raise UsageError for a line that can't be run on several clusters at once."""
    name = " ".join(prepared.node.path)
    if prepared.node.single or prepared.node.writes_files:
        raise UsageError(f"{name} is for one cluster at a time", hint=f"such as @NAME {name}")
    if statement.source is not None:
        raise UsageError("a file can't be read for several clusters at once")


def _matching(program: "Program", profiles: str) -> list[str]:
    """Return the profiles that names and patterns mean; raises NotFound."""
    found: dict[str, None] = {}
    known = _known(program)
    for piece in filter(None, profiles.split(",")):
        if not any(mark in piece for mark in "*?["):
            if problem := program.target.of(piece).problem:
                raise problem
            found[piece] = None
            continue
        fitting = [name for name in known if fnmatchcase(name, piece)]
        if not fitting:
            raise NotFound(
                f"no profile matches {piece!r}", hint=f"known: {', '.join(known) or 'none'}"
            )
        found |= dict.fromkeys(fitting)
    return list(found)


def _known(program: "Program") -> list[str]:
    """Return the profiles that a pattern may match: stored ones, the one in use, and offered ones
    whose clusters run.
    """
    from atoll._profiles import ProfileStore

    in_use = program.target.choice()
    names = dict.fromkeys(ProfileStore(program.paths).names())
    names |= dict.fromkeys([in_use.name] if in_use.profile else [])
    return [*names, *(name for name in program.running_offers() if name not in names)]


async def _ask_first(context: Context, prepared: Prepared, profiles: list[str]) -> None:
    """Ask once for all profiles before a command that destroys something, unless the line has
    `--yes`.
    """
    if prepared.node.destroys and not says(prepared, "--dry-run"):
        where = ", ".join(profiles)
        question = f"Run {shown_line(prepared)} on {where}?"
        await context.consent(question, yes=says_yes(context, prepared))


def _aimed(statement: Statement, profile: str) -> Statement:
    """Return the same line for one profile; its errors begin with the name of the profile."""
    at = before_command(statement.words)
    words = (*statement.words[: at - 1], f"{MARK}{profile}", *statement.words[at:])
    return evolve(statement, words=words, place=f"{statement.place}{profile}: ")
