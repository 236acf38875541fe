"""Logging in again when a login has expired."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio
from attrs import define, field

from atoll._errors import NotAuthorized, ProblemNotAuthorized
from atoll._profiles import ENVIRONMENT, Profile
from atoll.transport import Ask, Login

T = TypeVar("T")


@define(eq=False)
class Relogin:
    """Asks the user of one profile to log in again, once for all requests that were refused.

    `ask` returns the function that asks the user of the running command, or None if nobody can be
    asked.
    """

    _profile: Profile
    _ask: Callable[[], Ask | None]
    _lock: trio.Lock = field(factory=trio.Lock, init=False)
    _count: int = field(default=0, init=False)

    async def around(
        self, login: Login | None, attempt: Callable[[], Awaitable[T]], *, again: bool
    ) -> T:
        """Await `attempt()`; after status 401, log in and await it once more if it can be made
        `again`.
        """
        if login is None:
            return await attempt()
        before = self._count
        try:
            return await attempt()
        except ProblemNotAuthorized as problem:
            if problem.status != 401 or not await self._has_renewed(login, before):
                raise
            if not again:
                hint = "you are logged in again: repeat the command"
                raise NotAuthorized(
                    "the login expired before everything was sent", hint=hint
                ) from None
        return await attempt()

    async def _has_renewed(self, login: Login, before: int) -> bool:
        """Renew the login, unless another request has done so already; return False if it is still
        valid.
        """
        async with self._lock:
            if self._count == before:
                if await login.is_valid():
                    return False
                await self._renew(login)
                self._count += 1
            return True

    async def _renew(self, login: Login) -> None:
        ask, identity = self._ask(), await login.identity()
        if ask is None:
            raise not_logged_in(self._profile, identity.user if identity else "")
        await login.log_in(ask, identity.user if identity else "")


def not_logged_in(profile: Profile, user: str) -> NotAuthorized:
    """Return the error for a missing login, or for the expired one of `user`."""
    what = f"the login of {user} at {profile.endpoint} has expired" if user else ""
    name = "" if profile.name == ENVIRONMENT else f" {profile.name}"
    return NotAuthorized(
        what or f"nobody is logged in at {profile.endpoint}", hint=f"atoll login{name}"
    )
