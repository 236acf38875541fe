"""Options that several commands have, in the spellings of all releases of the command line."""

from typing import Any

import click

from atoll import Name
from atoll_admin.values import SLOTS

_HOSTS = (
    "--allowed-vfolder-hosts",
    "--vfolder-host-perms",
    "--vfolder-host-permissions",
    "--vfhost-perms",
)


def argument(name: str, completes: str = "", **how: Any) -> click.Argument:
    """Return an argument; `completes` is the kind of its names."""
    return click.Argument([name], **_completed(completes), **how)


def option(*flags: str, help: str, completes: str = "", **how: Any) -> click.Option:
    """Return an option; `completes` is the kind of its names."""
    return click.Option([*flags], help=help, **_completed(completes), **how)


def _completed(completes: str) -> dict[str, Any]:
    return {"type": Name(completes)} if completes else {}


def boolean(*flags: str, help: str) -> click.Option:
    """Return an option with the value true or false; if it is not given, nothing changes."""
    return click.Option([*flags], type=click.BOOL, metavar="BOOLEAN", help=help)


def switch(*flags: str, help: str) -> click.Option:
    """Return a flag whose value is None if it is not given."""
    return click.Option([*flags], is_flag=True, callback=_only_true, help=help)


def negation(*flags: str, help: str) -> click.Option:
    """Return a flag that sets the named property to false; its value is None if it is not given."""
    return click.Option([*flags], is_flag=True, callback=_only_false, help=help)


def inactive() -> click.Option:
    """Return the flag `-i`, as the value of `is_active`."""
    return negation("-i", "--inactive", "is_active", help="Create it inactive.")


def slots_option() -> click.Option:
    """Return the option for the limits on slots."""
    return option(
        "--total-resource-slots",
        type=SLOTS,
        metavar="SLOTS",
        help="The limits on slots, e.g. cpu=4,mem=8g, or JSON.",
    )


def hosts_option() -> click.Option:
    """Return the option for folder hosts, to be resolved by `host_permissions`."""
    return option(
        *_HOSTS,
        "allowed_vfolder_hosts",
        completes="vfolder-host",
        multiple=True,
        metavar="HOST",
        help="A host for folders, with all permissions, or a JSON map; repeatable.",
    )


def _only_true(_context: Any, _param: Any, given: bool) -> bool | None:
    return given or None


def _only_false(_context: Any, _param: Any, given: bool) -> bool | None:
    return False if given else None
