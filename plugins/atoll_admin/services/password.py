"""`update-password`: another password for yourself."""

import click

from atoll import Context, NotAuthorized, UsageError
from atoll_admin.asking import send
from atoll_admin.consent import ask_secret


@click.command()
@click.argument("old_password", required=False)
@click.argument("new_password", required=False)
@click.argument("new_password2", required=False)
async def update_password(
    context: Context,
    old_password: str | None,
    new_password: str | None,
    new_password2: str | None,
) -> None:
    """Change your password (`POST /auth/update-password`).

    Passwords that are left out are asked for, without showing them: on a command line, others on
    this machine can read them.
    """
    old = old_password or await ask_secret(context, "old password")
    new = new_password or await ask_secret(context, "new password")
    again = new_password2 or await ask_secret(context, "new password again")
    if new != again:
        raise UsageError("the new passwords differ")
    api = await context.connect()
    body = {"old_password": old, "new_password": new, "new_password2": again}
    try:
        await send(api, "POST", "/auth/update-password", body)
    except NotAuthorized:
        raise NotAuthorized("the old password is not right") from None
    context.output.note("the password is changed")
