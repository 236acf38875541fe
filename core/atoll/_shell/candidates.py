"""Finds the candidates for Tab from data that is already here: commands, their parameters, a
snapshot of names.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import starmap
from typing import Literal

import click
from attrs import evolve, field, frozen

from atoll._commands import before_command
from atoll._jobs import Jobs, job_words
from atoll._line import parse
from atoll._names import Name, Values
from atoll._node import Node
from atoll._plugins import Origin, guarded
from atoll._profile_prefix import MARK, profile_of
from atoll._profiles import ProfileStore
from atoll._program import Program
from atoll._records import Candidate
from atoll._shell.asking import checked
from atoll._shell.click_completion import click_values, completes_itself
from atoll._shell.cursor_place import CursorPlace, within_quotes
from atoll._shell.files import files, is_shown
from atoll._shell.matching import matches
from atoll._shell.names import Names
from atoll._shell.params import NUMBER, GivenParameters, takes_value
from atoll._shell.programs import programs
from atoll._shell.queries import NamesOf, Offer, PathsIn, ValuesOf
from atoll._shell.variables import variables
from atoll._syntax import LineError, SimpleCommand
from atoll._words import as_written
from atoll.hookspecs import FORMATS, PROFILES

_FILE_METAVARS = {"FILE", "PATH", "DIR"}


@frozen
class Candidates:
    """Finds commands, options and values. It sends no requests, but returns which data should be
    requested.
    """

    program: Program
    names: Names
    jobs: Jobs = field(factory=Jobs)

    def at(self, where: CursorPlace) -> Offer:
        """Return the candidates at a place."""
        if where.kind != "word":
            return Offer(partial(self._without_alias_words, where))
        node, words = self._follow(where.words, where.typed)
        if node is self.program.tree.root and not words and where.typed.startswith(MARK):
            return Offer(partial(self._profile_prefixes, where))
        if not words:
            known = [*_commands(node, with_aliases=bool(where.typed)), *self._lines_at(node)]
            commands = matches(where.typed, known)
            if commands or not node.runs:
                return Offer(lambda: commands)
        return self._parameters(node, words, where) if node.runs else Offer()

    def _profile_prefixes(self, where: CursorPlace) -> Sequence[Candidate]:
        """Return candidates after `@`: a profile, another one after a comma, or `*`."""
        if any(word.startswith(MARK) for word in where.words):
            return ()
        before, comma, typed = where.typed.removeprefix(MARK).rpartition(",")
        taken = before.split(",")
        known = [one for one in self._profiles() if one.text not in taken]
        known += [] if comma else [Candidate("*", "all profiles, side by side")]
        found = matches(typed, known) if typed else known
        return [Candidate(f"{MARK}{before}{comma}{one.text}", one.meta) for one in found]

    def _aliases(self) -> list[Candidate]:
        lines = sorted(self.program.aliases.lines.items())
        return [Candidate(name, line) for name, line in lines]

    def _without_alias(self, words: Sequence[str]) -> Sequence[str]:
        """Return the words with their alias replaced, if the alias stands for a single command."""
        line = self.program.aliases.lines.get(words[0]) if words else None
        if line is None or self.program.tree.root.child(words[0]):
            return words
        try:
            nodes = parse(line)
        except LineError:
            return words
        if len(nodes) > 1 or not isinstance(nodes[0], SimpleCommand):
            return words
        return [*map(as_written, nodes[0].words), *words[1:]]

    def _profile_at(self, where: CursorPlace) -> str:
        """Return the profile that the line names, or the alias that it begins with."""
        words = (*where.words, *where.right)
        begin = before_command(words)
        meaning = self._without_alias(words[begin:])
        again = before_command(meaning)
        return profile_of((*words[:begin], *meaning[:again]), meaning[again:])

    def _lines_at(self, node: Node) -> list[Candidate]:
        """Return the aliases, at a place where a command may begin."""
        root = self.program.tree.root
        return [one for one in self._aliases() if node is root and root.child(one.text) is None]

    def _profiles(self) -> list[Candidate]:
        offers = self.program.registry.collect(PROFILES)
        named = dict.fromkeys(ProfileStore(self.program.paths).names(), "")
        offered = {one.record.name: one.record.summary for one in offers}
        return list(starmap(Candidate, (offered | named).items()))

    def _without_alias_words(self, where: CursorPlace) -> Sequence[Candidate]:
        if where.kind == "file":
            return files(where.typed)
        if where.kind == "variable":
            return variables(self.program.variables, where.typed)
        return programs(where.typed) if where.kind == "program" else ()

    def _follow(self, words: Sequence[str], typed: str = "") -> tuple[Node, list[str]]:
        """Follow the words before the typed one down the tree, as far as they name commands."""
        words = self._without_alias(words[before_command(words) :])
        words = words[before_command(words) :]
        *rest, _ = job_words((*words, typed))
        node = self.program.tree.root
        while rest and (below := node.child(rest[0])):
            node, rest = below, rest[1:]
        return node, rest

    def _parameters(self, node: Node, words: Sequence[str], where: CursorPlace) -> Offer:
        profile = self._profile_at(where)
        if profile == self.program.target.name:
            profile = ""
        assert node.provided is not None  # noqa: S101  # what runs is provided
        with guarded(node.provided.origin, f"completing {' '.join(node.path)!r}"):
            command, origin = node.load(), node.provided.origin
            return self._of_command(command, origin, words, where, profile)

    def _of_command(
        self,
        command: click.Command,
        origin: Origin,
        words: Sequence[str],
        where: CursorPlace,
        profile: str,
    ) -> Offer:
        while isinstance(command, click.Group):
            if not words:
                return Offer(partial(_below, command, where.typed))
            command, words = command.commands[words[0]], words[1:]
        taken = GivenParameters.of(command, words)
        argument, given = taken.argument()
        is_option = taken.waiting or (where.typed.startswith("-") and not taken.closed)
        if _is_line(argument) and not is_option:
            return self._within(where, given)
        return _Values(self, taken, tuple(words), origin, profile).after(where.typed)

    def _within(self, where: CursorPlace, given: Sequence[str]) -> Offer:
        """Return the candidates in the line that is an argument of a command such as `watch`."""
        words = list(given)
        if words and NUMBER.fullmatch(words[0]):
            del words[0]
        if words[:1] == ["!"]:
            kind: Literal["program", "file"] = "file" if words[1:] else "program"
            return self.at(evolve(where, words=(), kind=kind))
        profile = self._profile_at(where)
        prefix = [f"{MARK}{profile}"] if profile else []
        if not words and (inner := within_quotes(where)) is not None:
            inner = evolve(inner, words=(*prefix, *inner.words))
            return evolve(self.at(inner), where=inner)
        return self.at(evolve(where, words=(*prefix, *words)))

    def named(self, kind: str, given: Sequence[str]) -> Iterable[Candidate] | None:
        """Return the names of a kind that the prompt itself knows; None for other kinds."""
        known: dict[str, Callable[[], Iterable[Candidate]]] = {
            "alias": self._aliases,
            "command": lambda: _commands(self._follow(given)[0], with_aliases=False),
            "format": self._formats,
            "job": self._jobs,
            "profile": self._profiles,
            "setting": self._settings,
        }
        return known[kind]() if kind in known else None

    def _jobs(self) -> list[Candidate]:
        running = self.jobs.running()
        return [Candidate(f"%{job.number}", f"{job.state}: {job.text}") for job in running]

    def _formats(self) -> list[Candidate]:
        formats = self.program.registry.collect(FORMATS)
        return [Candidate(one.record.name, one.record.summary) for one in formats]

    def _settings(self) -> list[Candidate]:
        return [Candidate(one.key, one.summary) for one in self.program.settings.declared]


@frozen
class _Values:
    """Finds values for the words of one command. The command uses the cluster of `profile`; empty
    means the profile in use.
    """

    candidates: Candidates
    taken: GivenParameters
    words: tuple[str, ...]
    origin: Origin
    profile: str

    def after(self, typed: str) -> Offer:
        if self.taken.waiting:
            return self._of(self.taken.waiting, typed)
        if typed.startswith("-") and not self.taken.closed:
            return self._options(typed)
        argument, given = self.taken.argument()
        offer = self._of(argument, typed, given) if argument else Offer()
        others = offer.changed(lambda found: [one for one in found if one.text not in given])
        return others if typed else self._or_options(others)

    def _or_options(self, offer: Offer) -> Offer:
        """Offer the options if no values are known and none are being requested."""
        if any(self.candidates.names.of(query) is None for query in offer.queries):
            return offer
        return offer.changed(lambda found: found or tuple(self.taken.offered("")))

    def _options(self, typed: str) -> Offer:
        name, attached, value = typed.partition("=")
        if not attached:
            return Offer(lambda: matches(typed, self.taken.offered(typed)))
        option = self.taken.option(name)
        if option is None or not takes_value(option):
            return Offer()
        return self._of(option, value).changed(
            lambda found: [Candidate(f"{name}={one.text}", one.meta) for one in found]
        )

    def _of(self, param: click.Parameter, typed: str, given: Sequence[str] = ()) -> Offer:
        """Return the values of an option or argument."""
        names = self.candidates.names
        if completes_itself(param):
            query = ValuesOf(self.origin, self.taken.command, param, self.words, typed)
            return Offer(lambda: names.of(query) or (), (query,))
        if isinstance(param.type, Name):
            return self._named(param.type, typed, given)
        if isinstance(param.type, Values):
            return Offer(partial(self._known_here, param.type, typed))
        if param.metavar in _FILE_METAVARS:
            return Offer(partial(files, typed))
        return Offer(partial(self._by_click, param, typed))

    def _known_here(self, values: Values, typed: str) -> Sequence[Candidate]:
        with guarded(self.origin, "the completion of an option"):
            return matches(typed, checked(values.fitting(typed)))

    def _by_click(self, param: click.Parameter, typed: str) -> Sequence[Candidate]:
        # The function gets an empty text, so that only matches() decides which values fit.
        context = click.Context(self.taken.command, resilient_parsing=True)
        return matches(typed, click_values(param, context, "", typed))

    def _named(self, name: Name, typed: str, given: Sequence[str]) -> Offer:
        if name.within:
            return self._entries_in(name, typed)
        if (found := self.candidates.named(name.kind, given)) is not None:
            return Offer(partial(matches, typed, found))
        query = NamesOf(name.kind, self._profile_for(name.kind))
        return Offer(lambda: matches(typed, self.candidates.names.of(query) or ()), (query,))

    def _profile_for(self, kind: str) -> str:
        # Names that do not come from a cluster are the same for all profiles.
        return "" if kind in self.candidates.names.local else self.profile

    def _entries_in(self, name: Name, typed: str) -> Offer:
        """Return the content of the folder in the typed path, for example a folder in a session or
        vfolder.
        """
        if not (within := self.taken.value_of(name.within)):
            return Offer()
        folder, slash, start = typed.rpartition("/")
        query = PathsIn(name.kind, within, folder, self.profile)

        def find() -> Sequence[Candidate]:
            there = self.candidates.names.of(query) or ()
            above = len(folder + slash)
            return matches(typed, [one for one in there if is_shown(one.text[above:], start)])

        return Offer(find, (query,))


def _is_line(argument: click.Argument | None) -> bool:
    return argument is not None and isinstance(argument.type, Name) and argument.type.kind == "line"


def _below(group: click.Group, typed: str) -> Sequence[Candidate]:
    below = group.commands.items()
    return matches(typed, [Candidate(name, one.get_short_help_str()) for name, one in below])


def _commands(node: Node, *, with_aliases: bool) -> Iterable[Candidate]:
    known = {**node.children, **(node.aliases if with_aliases else {})}
    return [
        Candidate(name, child.summary) for name, child in sorted(known.items()) if not child.hidden
    ]
