"""`top`: shows sessions and nodes on a full screen."""

import click

from atoll import Context
from atoll.fullscreen import check_terminal
from atoll_sessions.top.rows import ORDERS

_BY_NAME = {name: key for key, (name, _) in ORDERS.items()}


@click.command()
@click.option("--everybody", is_flag=True, help="Sessions of all users; for administrators.")
@click.option(
    "--order",
    type=click.Choice(list(_BY_NAME)),
    default="age",
    show_default=True,
    help="The order at the start.",
)
@click.option(
    "--filter", "words", metavar="WORDS", default="", help="Show only sessions with these words."
)
async def top(context: Context, everybody: bool, order: str, words: str) -> int:
    """Show sessions and nodes on the full screen, with what they use now and have used lately.

    It follows the cluster's events. Arrows select a session: l shows what it prints, s opens a
    shell in it, a one of its services, x ends it, Enter tells all about it. / filters, N, S, C, M
    and A sort, ? lists all keys, and q leaves. Nodes are shown to those who may see them.
    """
    check_terminal(context, "top")
    from atoll_sessions.top.screen import Top

    api = await context.connect()
    screen = Top(context, api, everybody)
    screen.rows.order = _BY_NAME[order]
    screen.rows.choose(words)
    return await screen.run()
