"""What Tab offers, all of it known here: commands, their parameters, a snapshot of names."""

from collections.abc import Iterable, Sequence
from itertools import starmap

import click
from attrs import frozen

from atoll._commands import Node, before_command
from atoll._names import Name
from atoll._profiles import ProfileStore
from atoll._program import Program
from atoll._records import Candidate
from atoll._shell.files import files, is_shown
from atoll._shell.matching import matches
from atoll._shell.names import Names, Spot
from atoll._shell.params import Taken, takes_value
from atoll._shell.place import Place
from atoll.hookspecs import FORMATS, PROFILES

_FILE_METAVARS = {"FILE", "PATH", "DIR"}


@frozen
class Candidates:
    """Finds commands, options and values; never asks the cluster."""

    program: Program
    names: Names

    def at(self, where: Place) -> Sequence[Candidate]:
        """Return what may stand at a place, best first."""
        self.names.spot = None
        if where.kind == "file":
            return matches(where.typed, files(where.typed))
        if where.kind != "word":
            return ()
        node, words = self._follow(where.words)
        if not words:
            commands = matches(where.typed, _commands(node, with_aliases=bool(where.typed)))
            if commands or not node.runs:
                return commands
        return self._parameters(node.load(), words, where.typed) if node.runs else ()

    def _follow(self, words: Sequence[str]) -> tuple[Node, list[str]]:
        """Go down the tree as far as the words name commands."""
        node, rest = self.program.tree.root, list(words)
        del rest[: before_command(rest)]
        while rest and (below := node.child(rest[0])):
            node, rest = below, rest[1:]
        return node, rest

    def _parameters(
        self, command: click.Command, words: Sequence[str], typed: str
    ) -> Sequence[Candidate]:
        while isinstance(command, click.Group):
            if not words:
                below = command.commands.items()
                return matches(typed, [Candidate(n, c.get_short_help_str()) for n, c in below])
            command, words = command.commands[words[0]], words[1:]
        taken = Taken.of(command, words)
        if taken.waiting:
            return self._values(taken, taken.waiting, typed)
        if typed.startswith("-") and not taken.closed:
            return self._options(taken, typed)
        argument, given = taken.argument()
        values = self._values(taken, argument, typed, given) if argument else ()
        found = [one for one in values if one.text not in given]
        return found if found or typed else list(taken.offered(typed))

    def _options(self, taken: Taken, typed: str) -> Sequence[Candidate]:
        name, attached, value = typed.partition("=")
        if not attached:
            return matches(typed, taken.offered(typed))
        option = taken.option(name)
        if option is None or not takes_value(option):
            return ()
        found = self._values(taken, option, value)
        return [Candidate(f"{name}={one.text}", one.meta) for one in found]

    def _values(
        self, taken: Taken, param: click.Parameter, typed: str, given: Sequence[str] = ()
    ) -> Sequence[Candidate]:
        """Return the values of an option or argument."""
        if isinstance(param.type, Name):
            if param.type.within:
                return matches(typed, self._lying_in(param.type, taken, typed))
            return matches(typed, self._named(param.type.kind, given))
        if param.metavar in _FILE_METAVARS:
            return matches(typed, files(typed))
        found: list[Candidate] = []
        # An empty start, so that matches() alone decides what fits.
        for item in param.shell_complete(click.Context(taken.command, resilient_parsing=True), ""):
            if item.type in ("file", "dir"):
                found += files(typed, folders_only=item.type == "dir")
            else:
                found.append(Candidate(str(item.value), item.help or ""))
        return matches(typed, found)

    def _lying_in(self, name: Name, taken: Taken, typed: str) -> Iterable[Candidate]:
        """Return what lies in the folder of something that the typed path names."""
        if not (within := taken.value_of(name.within)):
            return ()
        folder, slash, start = typed.rpartition("/")
        there = self.names.at(Spot(name.kind, within, folder))
        return [one for one in there if is_shown(one.text.removeprefix(folder + slash), start)]

    def _named(self, kind: str, given: Sequence[str]) -> Iterable[Candidate]:
        if kind == "profile":
            offers = self.program.registry.collect(PROFILES)
            named = dict.fromkeys(ProfileStore(self.program.paths).names(), "")
            offered = {one.record.name: one.record.summary for one in offers}
            return starmap(Candidate, (offered | named).items())
        if kind == "format":
            formats = self.program.registry.collect(FORMATS)
            return [Candidate(one.record.name, one.record.summary) for one in formats]
        if kind == "command":
            return _commands(self._follow(given)[0], with_aliases=False)
        return self.names.of(kind)


def _commands(node: Node, *, with_aliases: bool) -> Iterable[Candidate]:
    known = {**node.children, **(node.aliases if with_aliases else {})}
    return [
        Candidate(name, child.summary) for name, child in sorted(known.items()) if not child.hidden
    ]
