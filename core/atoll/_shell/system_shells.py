"""`completion`: completion in other shells, with the same candidates as at the prompt."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import click
import trio

from atoll._context import Context, program_of
from atoll._errors import AtollError
from atoll._failures import Failures
from atoll._options import root_command
from atoll._program import Program
from atoll._records import Candidate
from atoll._shell import scripts
from atoll._shell.asking import Question, ask, question_of
from atoll._shell.candidates import Candidates
from atoll._shell.cursor_place import CursorPlace, place
from atoll._shell.names import Names, names_of
from atoll._shell.params import GivenParameters, takes_value
from atoll._shell.queries import NamesOf, Query
from atoll._shell.refresh import note_failure
from atoll._tokens import Token

if TYPE_CHECKING:
    from atoll._api import Api

_TIMEOUT = 2.0
"""Seconds that a user who has pressed Tab waits for the cluster."""


@click.command()
async def bash(context: Context) -> None:
    """Print the code for bash: eval "$(atoll completion bash)"."""
    context.output.stream("stdout", scripts.BASH)


@click.command()
async def zsh(context: Context) -> None:
    """Print the code for zsh, to be run after compinit: eval "$(atoll completion zsh)"."""
    context.output.stream("stdout", scripts.ZSH)


@click.command()
async def fish(context: Context) -> None:
    """Print the code for fish: atoll completion fish | source."""
    context.output.stream("stdout", scripts.FISH)


@click.command()
@click.option("--line", help="The line before the cursor, in place of WORDS.")
@click.option("--exact", is_flag=True, help="Print only candidates that begin with the typed text.")
@click.argument("words", nargs=-1, metavar="[WORDS]...")
async def answer(context: Context, line: str | None, exact: bool, words: tuple[str, ...]) -> None:
    """Print what the last of WORDS may become, one candidate a line, with a remark after a tab.

    If nothing begins with the typed text, candidates that contain its characters in order are
    printed.
    """
    where = _place(words) if line is None else place(line)
    found: Iterable[Candidate] = await _find(context, where)
    if exact:
        found = [one for one in found if one.text.startswith(where.typed)]
    context.output.stream("stdout", "".join(f"{one.text}\t{one.meta}\n" for one in found))


def _place(words: Sequence[str]) -> CursorPlace:
    *before, typed = words or [""]
    return CursorPlace(tuple(before), "word", Token("word", 0, len(typed), typed))


async def _find(context: Context, where: CursorPlace) -> Sequence[Candidate]:
    """Find candidates; if they need names that are old, request these first."""
    program = program_of(context)
    left = _without_options(program, where)
    if left is None:
        return ()
    names = names_of(program)
    candidates = Candidates(program, names)
    with suppress(AtollError):
        if queries := candidates.at(left).queries:
            with trio.move_on_after(_TIMEOUT):
                await look_up(context, names, queries)
        found = candidates.at(left).found
        return [*found, *([] if left.words else _options(left.typed))]
    return ()


async def look_up(context: Context, names: Names, queries: Iterable[Query]) -> None:
    """Request names that are needed but not known, or too old."""
    questions = [one for query in queries if (one := question_of(program_of(context), query))]
    apis: dict[str, Api | None] = {}
    for profile in {one.profile for one in questions if one.needs_api}:
        apis[profile] = api = await context.connect_if_up(profile)
        if api is not None:
            names.switch(context.paths.cache, api.profile, profile)
    async with trio.open_nursery() as nursery:
        for question in questions:
            api = apis.get(question.profile)
            if _is_due(question, names) and (api or not question.needs_api):
                nursery.start_soon(_learn, question, names, context, api)
    names.save()


def _is_due(question: Question, names: Names) -> bool:
    return not isinstance(question.query, NamesOf) or names.age(question.query) > question.ttl


async def _learn(question: Question, names: Names, context: Context, api: "Api | None") -> None:
    try:
        names.learn(question.query, await ask(question, context, api))
    except AtollError as error:
        # A message would appear in the middle of the line that the user is typing.
        note_failure(program_of(context), question, error)
    else:
        Failures.of(context.paths).clear(question.origin, question.doing)


def _without_options(program: Program, where: CursorPlace) -> CursorPlace | None:
    """Skip the options of `atoll` itself, which choose the profile; returns None if the user is
    typing the value of one.
    """
    words = list(where.words)
    if words[:1] and words[0].rpartition("/")[2] in ("atoll", "backend.ai"):
        del words[0]
    root = GivenParameters(root_command())
    while words and words[0].startswith("-"):
        name, attached, value = words.pop(0).partition("=")
        option = root.option(name)
        if option is None or not takes_value(option):
            continue
        if not (attached or words):
            return None
        value = value if attached else words.pop(0)
        if option.name == "profile":
            program.settings.profile_name = value
    return CursorPlace(tuple(words), where.kind, where.piece)


def _options(typed: str) -> Sequence[Candidate]:
    offered = GivenParameters(root_command()).offered(typed) if typed.startswith("-") else ()
    return [one for one in offered if one.text.startswith(typed)]
