"""What identifies the sender of a request: a signature, or the cookies of a login."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import trio
from attrs import frozen

from atoll import ConfigError, Profile, __version__
from atoll_rest.address import address
from atoll_rest.signing import Signable, authorization

if TYPE_CHECKING:
    from atoll_rest.stored_login import LoginFile

USER_AGENT = f"atoll/{__version__}"


class Credentials(Protocol):
    """Makes the headers that identify the user of a profile."""

    async def headers(
        self, *, method: str, target: str, content_type: str, version: str
    ) -> dict[str, str]:
        """Return `Date`, `X-BackendAI-Version`, and the headers that identify the user, if any.

        `content_type` is that of the request, empty if it has none, as on streams. Raises
        ConfigError for a value that a header can't contain.
        """


def credentials(profile: Profile) -> Credentials:
    """Return the credentials of a profile."""
    if profile.endpoint_type == "session":
        # Imported here, since profiles with a keypair have no login.
        from atoll_rest.stored_login import LoginFile

        return SessionCookies(LoginFile.of(profile))
    return Keypair(profile)


@frozen
class Keypair:
    """Signs requests; without an access key they are anonymous."""

    profile: Profile

    async def headers(
        self, *, method: str, target: str, content_type: str, version: str
    ) -> dict[str, str]:
        """Return the headers of a signed request."""
        return signed_headers(
            self.profile, method=method, target=target, content_type=content_type, version=version
        )


@frozen
class SessionCookies:
    """Sends the cookies of the stored login. They are read for each request, since another program
    may renew the login.
    """

    file: "LoginFile"

    async def headers(
        self, *, method: str, target: str, content_type: str, version: str
    ) -> dict[str, str]:
        """Return the headers of a request, with the cookies of the login if there is one."""
        del method, target, content_type  # nothing is signed
        headers = {"Date": datetime.now(UTC).isoformat(), "X-BackendAI-Version": version}
        # In a thread, since the home folder may be on a network file system that does not answer.
        login = await trio.to_thread.run_sync(self.file.load)
        if login is not None and login.cookies:
            headers["Cookie"] = login.header
        return headers


def signed_headers(
    profile: Profile,
    *,
    method: str,
    target: str,
    content_type: str,
    version: str,
    date: datetime | None = None,
) -> dict[str, str]:
    """Return the headers of a request that is signed with a profile's keypair.

    Without an access key, the request is anonymous and has no signature. Raises ConfigError for a
    key that a header can't contain.
    """
    now = date or datetime.now(UTC)
    headers = {"Date": now.isoformat(), "X-BackendAI-Version": version}
    if profile.access_key:
        _check_access_key(profile)
        signable = Signable(
            method=method,
            host=address(profile).netloc,
            target=target,
            content_type=content_type,
            version=version,
            date=now,
        )
        headers["Authorization"] = authorization(profile.access_key, profile.secret_key, signable)
    return headers


def _check_access_key(profile: Profile) -> None:
    if not profile.access_key.isascii() or not profile.access_key.isprintable():
        raise ConfigError(
            f"the access key of profile {profile.name} contains invalid characters",
            hint="copy it again, without quotes and line ends",
        )
