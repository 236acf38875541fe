"""What hooks return: small frozen descriptions of what a plugin offers.

Every `load` is text of the form `package.module:attribute`, imported at first use, so that
listing, help and completion import nothing of the plugin but its light entry module.

These classes are made at every start. They go without the methods that nobody calls, since each of
those takes its time to be generated.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from attrs import field, frozen, validators


def _texts(texts: Iterable[str]) -> tuple[str, ...]:
    if isinstance(texts, str):
        raise TypeError(f"{texts!r} should be a sequence of texts, such as ({texts!r},)")
    return tuple(texts)


_WORD = r"[a-z0-9_.@-]+"


@frozen(eq=False, repr=False)
class Command:
    """A command of the shell.

    `name` may hold several words (`local up`): all but the last name groups. `load` names a click
    command whose callback is `async def` and takes a :class:`~atoll.Context` first; None
    makes a group with nothing of its own to do. A command marked `secret` is kept out of the
    history. One that uses :func:`atoll.aio` says so by `asyncio`. `variables` are options whose
    values (`NAME=…`) define variables for the command: the shell leaves it their `$NAME`. One that
    `destroys` what its user may want back is asked about first where the profile is protected, and
    gets an option `--yes` if it has none. One that is `single` is for one cluster at a time, and
    refused after `@*`: it has the terminal, lasts until it is interrupted, or is about no cluster.
    """

    name: str = field(validator=validators.matches_re(rf"{_WORD}( {_WORD})*"))
    summary: str
    load: str | None = None
    aliases: Sequence[str] = field(default=(), converter=_texts)
    hidden: bool = False
    secret: bool = False
    asyncio: bool = False
    variables: Sequence[str] = field(default=(), converter=_texts)
    destroys: bool = False
    single: bool = False


@frozen(eq=False, repr=False)
class Example:
    """A line that shows how a command is used, and what it does in a few words. Help on the command
    that it begins with shows it.
    """

    line: str = field(validator=validators.min_len(1))
    text: str = ""


@frozen(eq=False, repr=False)
class Option:
    """An option on commands of others.

    `commands` are their names (`vfolder create`), `*` means all, `*destroys` those that destroy
    something. `load` names a `click.Option`.
    `around`, if given, names an async context manager function of the Context and the option's
    value, which is entered around the command when the option has one: not for None, False and an
    empty tuple.
    """

    commands: Sequence[str] = field(converter=_texts)
    load: str
    around: str | None = None


@frozen(eq=False, repr=False)
class Transport:
    """A way to reach a cluster, for the URL schemes it names.

    `load` names a factory. For `request` and `channel`, whose schemes are those of endpoints, it is
    called with a :class:`~atoll.Profile` and a :class:`~atoll.transport.Dialer` or None; for `dial`
    with the URL of a profile's `via`. One that uses :func:`atoll.aio` says so by `asyncio`.
    """

    kind: Literal["request", "channel", "dial"]
    schemes: Sequence[str] = field(converter=_texts)
    load: str
    asyncio: bool = False


@frozen(eq=False, repr=False)
class Format:
    """A way to write records, chosen by `--output NAME`; `load` names a class of
    :class:`atoll.output.Writer`.
    """

    name: str
    summary: str
    load: str


@frozen(eq=False, repr=False)
class Completion:
    """A kind of name that the prompt completes, as used by `atoll.Name(kind)` in a command's
    parameters.

    `load` names `async def names(api) -> Iterable[Candidate | str]`, called in the background; the
    prompt answers from what it said last. `ttl` is how many seconds an answer stays fresh. With
    `needs="context"`, it is handed a :class:`~atoll.Context` in place of the
    :class:`~atoll.Api`, and is asked whether a cluster is there or not.

    With `paths`, the names are those of files in something else: `load` names `async def
    names(api, within, folder)`, which is told in what, and the folder there, "" for the uppermost.
    It returns whole paths, those of folders with a slash at their end.

    One that raises is asked again after half a minute; `plugins` and `doctor` tell what it raised.
    """

    kind: str
    load: str
    ttl: float = 5.0
    paths: bool = False
    needs: Literal["api", "context"] = "api"


@frozen
class Candidate:
    """One completion: the text to insert, and what to say about it beside."""

    text: str
    meta: str = ""


@frozen(eq=False, repr=False)
class Status:
    """A segment of the prompt's toolbar; `load` names `def segment(shell: ShellState) -> str`,
    which is called at each redraw, and so at each key: it looks at what is known, and no more.

    `weight` is how much it matters: segments stand by it from left to right, and on a narrow
    terminal those of little weight give way first.
    """

    name: str
    load: str
    weight: int = 50


@frozen(eq=False, repr=False)
class Background:
    """A task that lives as long as the prompt.

    `load` names `async def task(context: Context, shell: ShellState) -> None`, started once the
    prompt is on the screen, and cancelled when it is left. It may say a line above the prompt and
    have the toolbar drawn anew (:class:`~atoll.ShellState`). One that returns has done its work;
    one that raises is started again a few times, later each time.
    """

    name: str
    load: str


@frozen(eq=False, repr=False)
class Keys:
    """Keys of the prompt and what they do.

    `keys` are names as prompt_toolkit has them, one after the other: `f5`, `c-x c-e` (Ctrl-X, then
    Ctrl-E), `escape enter` (Alt-Enter). `load` names `def pressed(press: KeyPress) -> None`, called
    at the press, so that nothing is typed while it runs. None for keys that line editing knows by
    itself, which are listed, and no longer free.
    """

    keys: str = field(validator=validators.matches_re(r"\S+( \S+)*"))
    load: str | None
    summary: str


@frozen(eq=False, repr=False)
class ProfileOffer:
    """A profile for when the user has configured none.

    `load` names `def offer(home: Paths, say: Callable[[str], None]) -> Profile`; `say` puts a line
    on standard error. It is called when a command first needs a connection, and must be quick when
    there is nothing to do. If it may start something, `running` names
    `def running(home: Paths) -> Profile | None`, which starts nothing; None if nothing runs.
    `start` is the command that starts it, such as `local up`.
    """

    name: str
    summary: str
    load: str
    running: str | None = None
    start: str = ""


@frozen(eq=False, repr=False)
class Hint:
    """What to do about a refusal of the cluster's API: `problem` is the last part of the problem's
    type (`too-many-sessions-matched`), `text` one line without a stop.
    """

    problem: str
    text: str


@frozen(eq=False, repr=False)
class Setting:
    """A key of `config.yaml` (`shell.edit_mode`), its default, which also fixes its type, and its
    choices. One that is a `mapping` has keys of the user's own below it.
    """

    key: str
    default: str | int | float | bool
    summary: str
    choices: Sequence[str] = field(default=(), converter=_texts)
    mapping: bool = False


@frozen(eq=False, repr=False)
class Check:
    """Something that `doctor` looks at; `load` names `async def check(context)`, which yields a
    :class:`Finding` for each thing as it is found, and starts nothing.
    """

    name: str
    load: str


@frozen
class Finding:
    """What was found about one thing.

    `status` is `ok`, `failed`, `absent` for something that can be done without, or `skipped`.
    `exit_code` is what a failure makes of the program's.
    """

    check: str
    status: Literal["ok", "failed", "absent", "skipped"]
    detail: str = ""
    hint: str = ""
    exit_code: int = 1


@frozen(eq=False, repr=False)
class Invocation:
    """Something around every command; `load` names an async context manager function of the
    Context.

    An exception raised in it never harms the command: it costs one warning.
    """

    name: str
    load: str
