"""Logs in to a web server by e-mail address and password, as its pages do.

The user enters the password, which is sent but never stored; only the cookies from the answer are
stored.
"""

import trio
from attrs import define, frozen

from atoll import AtollError, ConfigError, NotAuthorized, Profile, Unreachable, UsageError
from atoll.output import current_output
from atoll.transport import Ask, Identity
from atoll.urls import is_loopback
from atoll_rest.address import address
from atoll_rest.stored_login import LoginFile, StoredLogin
from atoll_rest.webserver import Refusal, WebServer

_EXPIRED = "password-expired"
_ASKS_TO_REGISTER = "require-totp-registration"


@frozen
class WebLogin:
    """The login of one profile; see :class:`atoll.transport.Login`."""

    profile: Profile
    server: WebServer
    file: LoginFile

    async def identity(self) -> Identity | None:
        """Return the user who is logged in, according to the stored login."""
        stored = await self._stored()
        return stored.identity if stored else None

    async def is_valid(self) -> bool:
        """Ask the web server whether the login is still valid."""
        stored = await self._stored()
        return stored is not None and await self.server.is_logged_in(stored)

    async def log_in(self, ask: Ask, user: str = "") -> Identity:
        """Log in, and ask the user for everything that is needed; an earlier login of the profile
        is ended then.
        """
        _warn_of_plain_http(self.profile)
        before = await self._stored_if_readable()
        user = user or await _ask_user(ask, before.user if before else "")
        stored = await _LoginDialog(self.profile, self.server, ask, user).hold()
        await trio.to_thread.run_sync(self.file.save, stored)
        if before is not None:
            await self._end(before)
        return stored.identity

    async def log_out(self) -> None:
        """End the login on the server, and delete it here."""
        stored = await self._stored_if_readable()
        await trio.to_thread.run_sync(self.file.remove)
        if stored is None:
            return
        try:
            await self.server.log_out(stored)
        except Unreachable as error:
            hint = "the server ends the login by itself"
            raise Unreachable(
                f"logged out only on this machine: {error.message}", hint=hint
            ) from None

    async def _stored(self) -> StoredLogin | None:
        return await trio.to_thread.run_sync(self.file.load)

    async def _stored_if_readable(self) -> StoredLogin | None:
        try:
            return await self._stored()
        except ConfigError:
            return None

    async def _end(self, stored: StoredLogin) -> None:
        """End an earlier login that was replaced; it may have expired already."""
        try:
            await self.server.log_out(stored)
        except AtollError:
            return


@define
class _LoginDialog:
    """One login, question by question."""

    profile: Profile
    server: WebServer
    ask: Ask
    user: str
    code: str = ""

    async def hold(self) -> StoredLogin:
        """Ask until the login succeeds; raises NotAuthorized if it is refused."""
        question = f"password of {self.user} at {self.profile.endpoint}"
        password = await self.ask(question, hidden=True)
        answer = await self._try(password)
        if isinstance(answer, Refusal) and answer.type == _EXPIRED:
            answer = await self._try(await self._renew(password))
        if isinstance(answer, Refusal):
            raise self._refused(answer)
        return answer

    async def _try(self, password: str) -> StoredLogin | Refusal:
        answer = await self.server.log_in(self.user, password, self.code)
        if isinstance(answer, Refusal) and answer.wants_code:
            self.code = (await self.ask("one-time code")).strip()
            answer = await self.server.log_in(self.user, password, self.code)
        return answer

    async def _renew(self, password: str) -> str:
        """Let the user choose a new password; returns it."""
        _warn(f"the password of {self.user} has expired: choose another")
        new = await self.ask("new password", hidden=True)
        if new != await self.ask("new password again", hidden=True):
            raise UsageError("the new passwords differ")
        refusal = await self.server.change_password(self.user, password, new)
        if refusal is not None:
            raise self._refused(refusal)
        # A one-time code can be used for one login only.
        self.code = ""
        return new

    def _refused(self, refusal: Refusal) -> NotAuthorized:
        hint = ""
        if refusal.type == _ASKS_TO_REGISTER:
            hint = f"set up one-time codes at {self.profile.endpoint} in a browser first"
        message = f"{self.profile.endpoint} refuses {self.user}: {refusal.words.rstrip('.')}"
        return NotAuthorized(message, hint=hint)


async def _ask_user(ask: Ask, before: str) -> str:
    if not before:
        return (await ask("e-mail")).strip()
    return (await ask(f"e-mail [{before}]", default=before)).strip()


def _warn_of_plain_http(profile: Profile) -> None:
    where = address(profile)
    if not (where.secure or is_loopback(where.host)):
        _warn(f"{profile.endpoint} is not encrypted: others on the network can read the password")


def _warn(text: str) -> None:
    if output := current_output.get():
        output.warn(text)
