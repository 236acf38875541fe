"""Records that hooks return: small immutable descriptions of what a plugin provides.

Every `load` is text of the form `package.module:attribute`, imported at first use, so that listing,
help and completion import only the small entry module of a plugin.

These classes are created at every start. They lack the methods that nobody calls, since generating
each of them takes time.
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

    `name` may have several words (`local up`): all but the last name groups. `load` names a click
    command whose callback is `async def` and takes a :class:`~atoll.Context` first; None is for a
    group that does nothing itself. The lines of a `secret` command are kept out of the history.
    `asyncio` says that it uses :func:`atoll.aio`. `variables` are options whose values (`NAME=…`)
    define variables for the command: the shell does not replace these `$NAME`. A command that
    `destroys` what users may want back is confirmed if the profile is protected, and gets an option
    `--yes` if it has none. A `single` command works on one cluster at a time, and is refused after
    `@*` and by `explain`: it takes over the terminal, runs until it is interrupted, or is about no
    cluster. A command that `writes_files` on this machine is refused after `@*`, too, since files
    of several clusters would replace one another.
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
    writes_files: bool = False


@frozen(eq=False, repr=False)
class Example:
    """A line that shows how a command is used, and what it does in a few words. Help on the command
    that it begins with shows it.
    """

    line: str = field(validator=validators.min_len(1))
    text: str = ""


@frozen(eq=False, repr=False)
class Option:
    """An option on commands of other plugins.

    `commands` are their names (`vfolder create`), `*` means all, `*destroys` all that destroy
    something. `load` names a `click.Option`. `around`, if given, names an async context manager
    function of the Context and the option's value. It is entered around the command if the option
    has a value, which None, False and an empty tuple are not.
    """

    commands: Sequence[str] = field(converter=_texts)
    load: str
    around: str | None = None


@frozen(eq=False, repr=False)
class Transport:
    """A way to reach a cluster, for the URL schemes that it names.

    `load` names a factory. For `request` and `channel`, whose schemes are those of endpoints, it is
    called with a :class:`~atoll.Profile` and a :class:`~atoll.transport.Dialer` or None; for `dial`
    with the URL of a profile's `via`. `asyncio` says that it uses :func:`atoll.aio`.
    """

    kind: Literal["request", "channel", "dial"]
    schemes: Sequence[str] = field(converter=_texts)
    load: str
    asyncio: bool = False


@frozen(eq=False, repr=False)
class Format:
    """A format for records, chosen by `--output NAME`; `load` names a class derived from
    :class:`atoll.output.Writer`.
    """

    name: str
    summary: str
    load: str


@frozen(eq=False, repr=False)
class Completion:
    """A kind of name that the prompt completes, for parameters of type `atoll.Name(kind)`.

    `load` names `async def names(api) -> Iterable[Candidate | str]`, called in the background; the
    prompt offers its last answer. `ttl` is how many seconds an answer stays fresh. With
    `needs="context"`, it gets a :class:`~atoll.Context` instead of the :class:`~atoll.Api`, and is
    called whether there is a cluster or not.

    With `paths`, the names are those of files in something else: `load` names `async def names(api,
    within, folder)`, which gets the name of that, and the folder in it, "" for the top. It returns
    whole paths, those of folders with a slash at their end.

    A function that raises is called again after half a minute; `plugins` and `doctor` show its
    error.
    """

    kind: str
    load: str
    ttl: float = 5.0
    paths: bool = False
    needs: Literal["api", "context"] = "api"


@frozen
class Candidate:
    """One completion: the text to insert, and a remark to show beside it."""

    text: str
    meta: str = ""


@frozen(eq=False, repr=False)
class Status:
    """A segment of the prompt's toolbar; `load` names `def segment(shell: ShellState) -> str`. It
    is called at each redraw, and so at each key, so it must only use data that it already has.

    `weight` is its importance: segments are ordered by it from left to right, and on a narrow
    terminal those with the least weight are left out first.
    """

    name: str
    load: str
    weight: int = 50


@frozen(eq=False, repr=False)
class Background:
    """A task that runs as long as the prompt.

    `load` names `async def task(context: Context, shell: ShellState) -> None`, started when the
    prompt is on the screen, and cancelled when the user leaves. It may print a line above the
    prompt and redraw the toolbar (:class:`~atoll.ShellState`). If it returns, it is not started
    again; if it raises, it is started again a few times, with growing pauses.
    """

    name: str
    load: str


@frozen(eq=False, repr=False)
class Keys:
    """Keys of the prompt and what they do.

    `keys` are names of prompt_toolkit, one after the other: `f5`, `c-x c-e` (Ctrl-X, then Ctrl-E),
    `escape enter` (Alt-Enter). `load` names `def pressed(press: KeyPress) -> None`, called at the
    press; the prompt ignores keys while it runs. None is for keys of the line editor itself: they
    are listed, and plugins can't use them.
    """

    keys: str = field(validator=validators.matches_re(r"\S+( \S+)*"))
    load: str | None
    summary: str


@frozen(eq=False, repr=False)
class ProfileOffer:
    """A profile for users who have configured none.

    `load` names `def offer(home: Paths, say: Callable[[str], None]) -> Profile`; `say` prints a
    line to standard error. It is called when a command first needs a connection, and must be quick
    if there is nothing to do. If it may start a cluster, `running` names `def running(home: Paths)
    -> Profile | None`, which starts nothing; None if nothing runs. `start` is the command that
    starts it, such as `local up`.
    """

    name: str
    summary: str
    load: str
    running: str | None = None
    start: str = ""


@frozen(eq=False, repr=False)
class Hint:
    """A hint for a refusal of the cluster's API: `problem` is the last part of the problem's type
    (`too-many-sessions-matched`), `text` one line without a full stop.
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

    @choices.validator
    def _check_default(self, _attribute: object, choices: Sequence[str]) -> None:
        if choices and self.default not in choices:
            raise ValueError(f"the default {self.default!r} of {self.key} is none of its choices")


@frozen(eq=False, repr=False)
class Check:
    """A check of `doctor`; `load` names `async def check(context)`, which yields a :class:`Finding`
    for each thing, and starts nothing.
    """

    name: str
    load: str


@frozen
class Finding:
    """The result of a check.

    `status` is `ok`, `failed`, `absent` for something optional, or `skipped`. `exit_code`, from 0
    to 255, is that of `doctor` if this is the first failure.
    """

    check: str
    status: Literal["ok", "failed", "absent", "skipped"]
    detail: str = ""
    hint: str = ""
    exit_code: int = 1


@frozen(eq=False, repr=False)
class Invocation:
    """A context manager around every command; `load` names an async context manager function of the
    Context.

    An error in it does not affect the command; a warning is printed.
    """

    name: str
    load: str
