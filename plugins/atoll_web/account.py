"""The user as whom the page is logged in, which is the user of the profile."""

from typing import TYPE_CHECKING

from attrs import frozen

from atoll.reading import maybe

if TYPE_CHECKING:
    from atoll import Api

_QUERY = "query { user { role status } keypair { access_key } }"
_SHAPE = {
    "user": maybe({"role": maybe(str), "status": maybe(str)}),
    "keypair": maybe({"access_key": maybe(str)}),
}


@frozen
class User:
    """A user's role and status as the API spells them, and an access key of the user."""

    access_key: str
    role: str
    status: str

    @property
    def public(self) -> dict[str, str]:
        """What the web server sends to the page about its user."""
        return {"access_key": self.access_key, "role": self.role, "status": self.status}


async def who_am_i(api: "Api") -> User:
    """Ask the cluster about the user of the profile (`POST /admin/gql`, every release)."""
    answer = await api.gql(_QUERY, like=_SHAPE)
    user, keypair = answer["user"] or {}, answer["keypair"] or {}
    return User(
        access_key=api.profile.access_key or keypair.get("access_key") or "",
        role=user.get("role") or "user",
        status=user.get("status") or "active",
    )
