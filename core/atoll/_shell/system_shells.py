"""`completion`: what Tab offers in the shells of the system, by the rules of the prompt."""

from collections.abc import Sequence
from contextlib import suppress

import click
import trio
from attrs import define, field

from atoll._context import Context
from atoll._options import root_command
from atoll._program import Program
from atoll._records import Candidate
from atoll._shell import scripts
from atoll._shell.candidates import Candidates
from atoll._shell.names import Names
from atoll._shell.params import Taken, takes_value
from atoll._shell.place import Place, place
from atoll._shell.refresh import learn
from atoll._tokens import Token
from atoll.hookspecs import COMPLETIONS

_PATIENCE = 2.0
"""Seconds that somebody who has pressed Tab waits for the cluster."""


@click.command()
async def bash(context: Context) -> None:
    """Print what bash is to run: eval "$(atoll completion bash)"."""
    context.output.stream("stdout", scripts.BASH)


@click.command()
async def zsh(context: Context) -> None:
    """Print what zsh is to run, after compinit: eval "$(atoll completion zsh)"."""
    context.output.stream("stdout", scripts.ZSH)


@click.command()
async def fish(context: Context) -> None:
    """Print what fish is to run: atoll completion fish | source."""
    context.output.stream("stdout", scripts.FISH)


@click.command()
@click.option("--line", help="The line before the cursor, in place of WORDS.")
@click.argument("words", nargs=-1, metavar="[WORDS]...")
async def answer(context: Context, line: str | None, words: tuple[str, ...]) -> None:
    """Print what the last of WORDS may become, each with a remark after a tab."""
    where = _place(words) if line is None else place(line)
    found = await _find(context.program, where)
    lines = [f"{one.text}\t{one.meta}\n" for one in found if one.text.startswith(where.typed)]
    context.output.stream("stdout", "".join(lines))


def _place(words: Sequence[str]) -> Place:
    *before, typed = words or [""]
    return Place(tuple(before), "word", Token("word", 0, len(typed), typed))


async def _find(program: Program, where: Place) -> Sequence[Candidate]:
    """Find candidates; names that have grown old are asked for, if they are wanted."""
    left = _without_options(program, where)
    if left is None:
        return ()
    names = _Wanted()
    candidates = Candidates(program, names)
    found = candidates.at(left)
    if names.wanted or names.spot:
        with suppress(Exception), trio.move_on_after(_PATIENCE):
            await _look_up(program, names)
        found = candidates.at(left)
    return [*found, *([] if left.words else _options(left.typed))]


async def _look_up(program: Program, names: "_Wanted") -> None:
    """Ask the cluster, if one is there, for the names that are wanted and have grown old."""
    api = await program.connect_if_up()
    if api is None:
        return
    names.switch(program.paths.cache, api.profile)
    for provided in program.registry.collect(COMPLETIONS):
        kind, ttl = provided.record.kind, provided.record.ttl
        if kind in names.wanted and names.age(kind) > ttl:
            await learn(names, provided, api)
        elif names.spot and names.spot.kind == kind:
            await learn(names, provided, api, names.spot)
    names.save()


@define
class _Wanted(Names):
    """Names that remember which kinds were looked for."""

    wanted: set[str] = field(factory=set)

    def of(self, kind: str) -> Sequence[Candidate]:
        self.wanted.add(kind)
        return super().of(kind)


def _without_options(program: Program, where: Place) -> Place | None:
    """Pass over the options of `atoll` itself, which choose the profile; None where the value of
    one is typed.
    """
    words = list(where.words)
    if words[:1] and words[0].rpartition("/")[2] in ("atoll", "backend.ai"):
        del words[0]
    root = Taken(root_command())
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
    return Place(tuple(words), where.kind, where.piece)


def _options(typed: str) -> Sequence[Candidate]:
    offered = Taken(root_command()).offered(typed)
    return list(offered) if typed.startswith("-") else []
