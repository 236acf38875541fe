"""`dotfile`: files that every new session finds in its home; each belongs to a keypair, a group or
a domain.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click
from attrs import frozen

from atoll import Context, NotFound, Problem, UsageError, yes_option
from atoll.output import Column
from atoll.reading import record
from atoll_sessions.api import owner_option
from atoll_vfolders.text_input import read_text_input

if TYPE_CHECKING:
    from atoll import Api

_MOST_BYTES = 64 * 1024
"""The most bytes of all dotfiles of one owner together. The cluster adds them up; here, each single
file is checked.
"""
_COLUMNS = [
    Column("path", keep=True),
    Column("permission", "Mode"),
    Column("size", right=True),
]
_DETAIL = [*_COLUMNS, Column("data", "Content")]


@frozen(kw_only=True)
class Dotfile:
    """A dotfile: its path in the home folder, its mode as three octal digits, its text."""

    path: str
    permission: str
    data: str

    @classmethod
    def from_answer(cls, path: str, answer: Mapping[str, Any]) -> Self:
        """Make a dotfile from an answer; a list has `permission`, a single answer has `perm`."""
        facts = {
            "path": answer.get("path") or path,
            "permission": answer.get("permission") or answer.get("perm") or "",
            "data": answer["data"],
        }
        return record(cls, facts)

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return len(self.data.encode())


@frozen
class Owner:
    """The owner of dotfiles: the route, and the keys that name the owner."""

    route: str
    keys: Mapping[str, str]

    @classmethod
    def of(cls, owner: str | None, domain: str | None, group: str | None, home: str) -> Self:
        """Return the owner that the options name; `home` is the domain of a group if none is
        given.
        """
        if owner and (domain or group):
            raise UsageError("dotfiles belong to a keypair, a group or a domain: name only one")
        if group is not None:
            return cls("/group-config/dotfiles", {"group": group, "domain": domain or home})
        if domain is not None:
            return cls("/domain-config/dotfiles", {"domain": domain})
        return cls("/user-config/dotfiles", {} if owner is None else {"owner_access_key": owner})

    async def request(self, api: "Api", method: str, *, like: Any = object, **params: Any) -> Any:
        """Send a request; if the cluster's error does not name the file, the raised error does."""
        if params.get("path") == "":
            # To the cluster, an empty path would mean the list of all dotfiles.
            raise UsageError("the path of a dotfile is empty")
        try:
            return await api.json(method, self.route, params={**self.keys, **params}, like=like)
        except Problem as problem:
            if problem.status == 404 and "path" in params:
                raise NotFound(
                    f"no dotfile is called {params['path']!r}", hint="atoll dotfile list lists them"
                ) from None
            raise


def _owner_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("-g", "--group", help="Dotfiles of a group (administrators change them)."),
        click.option("-d", "--domain", help="Dotfiles of a domain (administrators change them)."),
        owner_option("Dotfiles of another user (administrators)."),
    ):
        command = option(command)
    return command


def _content_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "-f",
            "--file",
            type=click.Path(dir_okay=False, path_type=Path),
            help="The file with its content; standard input by default.",
        ),
        click.option(
            "--perm", metavar="MODE", callback=_check_mode, help="Its mode, as in 644 or 600."
        ),
    ):
        command = option(command)
    return command


def _check_mode(_context: click.Context, _param: click.Parameter, mode: str | None) -> str | None:
    if mode is not None and (len(mode) != 3 or not set(mode) <= set("01234567")):
        raise UsageError(f"--perm {mode}: a mode is three octal digits, such as 644")
    return mode


@click.command()
@_owner_options
async def list_dotfiles(
    context: Context, owner: str | None, domain: str | None, group: str | None
) -> None:
    """List dotfiles."""
    api = await context.connect()
    whose = Owner.of(owner, domain, group, api.profile.domain)
    found = await whose.request(api, "GET", like=[partial(Dotfile.from_answer, "")])
    await context.output.rows(sorted(found, key=lambda one: one.path), _COLUMNS)


@click.command()
@click.argument("path")
@_owner_options
async def get(
    context: Context, path: str, owner: str | None, domain: str | None, group: str | None
) -> None:
    """Show the content of a dotfile."""
    api = await context.connect()
    whose = Owner.of(owner, domain, group, api.profile.domain)
    found = await whose.request(api, "GET", path=path, like=partial(Dotfile.from_answer, path))
    if context.output.format:
        context.output.item(found, _DETAIL)
    else:
        context.output.stream("stdout", found.data)


@click.command()
@click.argument("path")
@_content_options
@_owner_options
async def create(
    context: Context, path: str, perm: str | None, file: Path | None, **whose: Any
) -> None:
    """Create a dotfile; PATH is relative to the home folder."""
    data = await read_text_input(context, file, _MOST_BYTES)
    api = await context.connect()
    owner = Owner.of(**whose, home=api.profile.domain)
    await owner.request(api, "POST", path=path, data=data, permission=perm or "644")
    context.output.done(f"dotfile {path} is created; new sessions have it")


@click.command()
@click.argument("path")
@_content_options
@_owner_options
async def update(
    context: Context, path: str, perm: str | None, file: Path | None, **whose: Any
) -> None:
    """Replace the content of a dotfile; its mode stays unless one is given."""
    data = await read_text_input(context, file, _MOST_BYTES)
    api = await context.connect()
    owner = Owner.of(**whose, home=api.profile.domain)
    before = await owner.request(api, "GET", path=path, like=partial(Dotfile.from_answer, path))
    mode = perm or before.permission
    await owner.request(api, "PATCH", path=path, data=data, permission=mode)
    context.output.done(f"dotfile {path} is changed; new sessions get the new content")


@click.command()
@click.argument("path")
@yes_option("-f", "--force")
@_owner_options
async def delete(context: Context, path: str, yes: bool, **whose: Any) -> None:
    """Delete a dotfile."""
    await context.consent(f"Delete dotfile {path}?", yes=yes)
    api = await context.connect()
    await Owner.of(**whose, home=api.profile.domain).request(api, "DELETE", path=path)
    context.output.done(f"dotfile {path} is deleted")
