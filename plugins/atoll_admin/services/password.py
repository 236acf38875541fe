"""`update-password` and `update-password-no-auth`: change your password."""

import click

from atoll import Context, NotAuthorized, Secret, UsageError
from atoll_admin.actions import carry_out, dry_run_option


@click.command(params=[dry_run_option()])
@click.argument("old_password", required=False, type=Secret())
@click.argument("new_password", required=False, type=Secret())
@click.argument("new_password2", required=False, type=Secret())
async def update_password(
    context: Context,
    old_password: str | None,
    new_password: str | None,
    new_password2: str | None,
    dry_run: bool,
) -> int:
    """Change your password.

    Passwords that are left out are asked for, without showing them: on a command line, others on
    this machine can read them.
    """
    # The password of an account that was created without one is empty.
    old = await _given_or_asked(context, old_password, "old password", default="")
    new = await _given_or_asked(context, new_password, "new password")
    again = await _given_or_asked(context, new_password2, "new password again")
    if new != again:
        raise UsageError("the new passwords differ")
    body = {"old_password": old, "new_password": new, "new_password2": again}
    route, done = "/auth/update-password", "the password is changed"
    try:
        return await carry_out(context, "POST", route, body, done=done, dry_run=dry_run)
    except NotAuthorized:
        hint = "or the profile's keys are"
        raise NotAuthorized("the old password is wrong", hint=hint) from None


@click.command(params=[dry_run_option()])
@click.argument("domain")
@click.argument("user_id")
@click.argument("current_password", required=False, type=Secret())
@click.argument("new_password", required=False, type=Secret())
async def update_password_no_auth(
    context: Context,
    domain: str,
    user_id: str,
    current_password: str | None,
    new_password: str | None,
    dry_run: bool,
) -> int:
    """Change a password that must be changed before anything else is let in.

    USER_ID is the e-mail address. Passwords that are left out are asked for, without showing them.
    """
    body = {
        "domain": domain,
        "username": user_id,
        "current_password": await _given_or_asked(context, current_password, "current password"),
        "new_password": await _given_or_asked(context, new_password, "new password"),
    }
    route, done = "/auth/update-password-no-auth", "the password is changed"
    try:
        return await carry_out(context, "POST", route, body, done=done, dry_run=dry_run)
    except NotAuthorized:
        raise NotAuthorized("the user or the current password is wrong") from None


async def _given_or_asked(
    context: Context, given: str | None, what: str, *, default: str | None = None
) -> str:
    if given is not None:
        return given
    return await context.ask(what, hidden=True, default=default)
