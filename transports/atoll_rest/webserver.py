"""The web server's own API, below `/server`: logging in and out.

Routes and shapes are those of 23.09 to 26.x. A refused login has status 200 in 23.09, and the
manager's status in 26.x.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from atoll import AtollError, NotFound, Profile, Unreachable
from atoll.problems import problem_from, redirected
from atoll.reading import Malformed, decode, maybe, read
from atoll.transport import NotSent, Request, TooLong
from atoll_rest.stored_login import StoredLogin

if TYPE_CHECKING:
    from atoll_rest.transport import RestTransport

_TIMEOUT = 60.0
_LONGEST = 64 * 1024
"""The longest answer, in bytes."""
_MOST_COOKIES = 20
_LONGEST_COOKIE = 4096
_ASKS_FOR_CODE = {"otp not provided", "require-totp-authentication"}


@frozen
class Refusal:
    """The reason why a login or a new password was refused: the end of the problem's type, and a
    text.
    """

    type: str
    words: str

    @classmethod
    def of(cls, problem: Mapping[str, Any]) -> "Refusal":
        """Make it from the `data` of an answer."""
        fields = {key: " ".join(str(value or "")[:300].split()) for key, value in problem.items()}
        words = fields.get("details") or fields.get("title") or "no reason was given"
        return cls(fields.get("type", "").rpartition("/")[2], words)

    @property
    def wants_code(self) -> bool:
        """Whether the server requires a one-time code."""
        return not _ASKS_FOR_CODE.isdisjoint({self.type, self.words.lower()})


@frozen
class WebServer:
    """The web server of one profile."""

    profile: Profile
    transport: "RestTransport"

    async def log_in(self, user: str, password: str, code: str) -> StoredLogin | Refusal:
        """Log in (`POST /server/login`), with a one-time code unless that is empty."""
        body = {"username": user, "password": password, **({"otp": code} if code else {})}
        answer = await self._post("login", body)
        content = self._read(answer, {"authenticated": bool, "data": maybe(dict)})
        data = content["data"] or {}
        if not content["authenticated"]:
            return Refusal.of(data)
        cookies = dict(list(_cookies(answer.set_cookies))[:_MOST_COOKIES])
        if not cookies:
            raise Malformed(self.profile.endpoint, "a login without a cookie")
        return StoredLogin(user, str(data.get("access_key") or ""), cookies)

    async def is_logged_in(self, login: StoredLogin) -> bool:
        """Ask whether a login is valid (`POST /server/login-check`)."""
        answer = await self._post("login-check", cookie=login.header)
        return bool(self._read(answer, {"authenticated": bool})["authenticated"])

    async def log_out(self, login: StoredLogin) -> None:
        """End a login (`POST /server/logout`)."""
        self._refuse_failure(await self._post("logout", cookie=login.header))

    async def change_password(self, user: str, current: str, new: str) -> Refusal | None:
        """Change an expired password (`POST /server/update-password-no-auth`).

        Returns None on success.
        """
        body = {"username": user, "current_password": current, "new_password": new}
        answer = await self._post("update-password-no-auth", body)
        data = self._read(answer, {"data": maybe(dict)})["data"]
        return Refusal.of(data) if data else None

    async def _post(
        self, route: str, body: Mapping[str, str] | None = None, *, cookie: str = ""
    ) -> "_Answer":
        """Send a request; raises Unreachable."""
        request = Request(
            method="POST",
            path=f"/server/{route}",
            body=json.dumps(body or {}).encode(),
            content_type="application/json",
            headers={"Cookie": cookie} if cookie else {},
            signed=False,
            timeout=_TIMEOUT,
        )
        try:
            response = await self.transport.request(request)
            body_read = await response.read(_LONGEST)
        except NotSent as error:
            raise Unreachable(str(error)) from None
        except TooLong:
            raise Malformed(self.profile.endpoint, "with too much data for a login") from None
        return _Answer(response.status, response.headers, body_read, response.set_cookies)

    def _read(self, answer: "_Answer", like: Mapping[str, Any]) -> dict[str, Any]:
        """Return the content of the web server's own answer, whatever its status."""
        try:
            read_answer: dict[str, Any] = read(
                decode(answer.body, self.profile.endpoint), like, self.profile.endpoint
            )
        except Malformed:
            self._refuse_failure(answer)
            raise
        return read_answer

    def _refuse_failure(self, answer: "_Answer") -> None:
        """Raise a Problem if an answer reports a failure."""
        endpoint = self.profile.endpoint
        if answer.status < 300:
            return
        if answer.status < 400:
            raise redirected(endpoint, answer.status, answer.headers)
        content_type = answer.headers.get("content-type", "")
        problem = problem_from(answer.status, answer.body, content_type, answer.headers)
        if isinstance(problem, NotFound):
            hint = "its own API takes keypairs: --access-key instead of --login"
            raise AtollError(f"{endpoint} is not a web server with a login", hint=hint)
        raise problem


@frozen
class _Answer:
    """A complete answer; `set_cookies` are its `Set-Cookie` headers."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    set_cookies: Iterable[str]


def _cookies(headers: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the names and values of cookies that are set, without those that are deleted."""
    from http.cookies import CookieError, SimpleCookie

    for header in headers:
        try:
            jar = SimpleCookie(header[:_LONGEST_COOKIE])
        except CookieError:
            continue
        for name, morsel in jar.items():
            if morsel.coded_value and morsel["max-age"] != "0":
                yield name, morsel.coded_value
