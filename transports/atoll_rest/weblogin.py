"""Logging in to a web server by e-mail address and password, as its own pages do.

The password is asked for and sent, and never kept: what is kept are the cookies that it was given
for.
"""

import trio
from attrs import define, frozen

from atoll import AtollError, ConfigError, NotAuthorized, Profile, Unreachable, UsageError
from atoll.output import current_output
from atoll.transport import Ask, Identity
from atoll.urls import is_loopback
from atoll_rest.address import address
from atoll_rest.kept import KeptLogin, LoginFile
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
        """Return who has logged in, as far as is known here."""
        kept = await self._kept()
        return kept.identity if kept else None

    async def holds(self) -> bool:
        """Ask the web server whether it knows the login still."""
        kept = await self._kept()
        return kept is not None and await self.server.knows(kept)

    async def log_in(self, ask: Ask, user: str = "") -> Identity:
        """Log in, asking for all that it takes; another login of the profile ends then."""
        _warn_of_plain_http(self.profile)
        before = await self._kept_if_readable()
        user = user or await _ask_user(ask, before.user if before else "")
        kept = await _Conversation(self.profile, self.server, ask, user).hold()
        await trio.to_thread.run_sync(self.file.save, kept)
        if before is not None:
            await self._end(before)
        return kept.identity

    async def log_out(self) -> None:
        """End the login there, and forget it here."""
        kept = await self._kept_if_readable()
        await trio.to_thread.run_sync(self.file.remove)
        if kept is None:
            return
        try:
            await self.server.log_out(kept)
        except Unreachable as error:
            hint = "the server ends the login by itself"
            raise Unreachable(
                f"logged out only on this machine: {error.message}", hint=hint
            ) from None

    async def _kept(self) -> KeptLogin | None:
        return await trio.to_thread.run_sync(self.file.load)

    async def _kept_if_readable(self) -> KeptLogin | None:
        try:
            return await self._kept()
        except ConfigError:
            return None

    async def _end(self, kept: KeptLogin) -> None:
        """End a login that another has replaced; it may have ended by itself."""
        try:
            await self.server.log_out(kept)
        except AtollError:
            return


@define
class _Conversation:
    """One login, question by question."""

    profile: Profile
    server: WebServer
    ask: Ask
    user: str
    code: str = ""

    async def hold(self) -> KeptLogin:
        """Ask until the user is let in; raises NotAuthorized when that is refused."""
        question = f"password of {self.user} at {self.profile.endpoint}"
        password = await self.ask(question, hidden=True)
        answer = await self._try(password)
        if isinstance(answer, Refusal) and answer.type == _EXPIRED:
            answer = await self._try(await self._renew(password))
        if isinstance(answer, Refusal):
            raise self._refused(answer)
        return answer

    async def _try(self, password: str) -> KeptLogin | Refusal:
        answer = await self.server.log_in(self.user, password, self.code)
        if isinstance(answer, Refusal) and answer.wants_code:
            self.code = (await self.ask("one-time code")).strip()
            answer = await self.server.log_in(self.user, password, self.code)
        return answer

    async def _renew(self, password: str) -> str:
        """Have the user choose another password; returns it."""
        _warn(f"the password of {self.user} has expired: choose another")
        new = await self.ask("new password", hidden=True)
        if new != await self.ask("new password again", hidden=True):
            raise UsageError("the new passwords differ")
        refusal = await self.server.change_password(self.user, password, new)
        if refusal is not None:
            raise self._refused(refusal)
        # A code is good for one login.
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
