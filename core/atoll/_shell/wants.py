"""What completion offers, and what it would have to know to offer more: values, all of them."""

from collections.abc import Sequence

import click
from attrs import frozen

from atoll._plugins import Origin
from atoll._records import Candidate


@frozen
class NamesOf:
    """The names of a kind, as :class:`~atoll.Completion` has kinds."""

    kind: str


@frozen
class PathsIn:
    """What lies in a folder of something, of which a kind of name tells."""

    kind: str
    within: str
    folder: str


@frozen
class ValuesOf:
    """What a parameter's own `shell_complete` says, after these words of its command."""

    origin: Origin
    command: click.Command
    parameter: click.Parameter
    words: tuple[str, ...]
    typed: str


Want = NamesOf | PathsIn | ValuesOf


@frozen
class Offer:
    """What may stand at a place, best first, and what was looked for to say so."""

    found: Sequence[Candidate] = ()
    wants: tuple[Want, ...] = ()
