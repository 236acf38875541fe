"""The web server that the WebUI expects: files, configuration, login (`/server/…`), API
(`/func/…`), and the first version (`v1`) of the app proxy.
"""

import json
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import h11
import trio
from attrs import evolve, field, frozen

from atoll import AtollError
from atoll.transport import TooLong
from atoll_apps.api import (
    Connection,
    Malformed,
    exchange,
    forward_request,
    forwarded_request,
    is_websocket,
)
from atoll_web.account import User
from atoll_web.configuration import APPS, configuration, python_image
from atoll_web.files import StaticFiles
from atoll_web.forwards import Forwards
from atoll_web.payload import unscramble
from atoll_web.storage import PREFIX, StorageRoutes
from atoll_web.targets import retarget

if TYPE_CHECKING:
    from atoll import Api
    from atoll.transport import Request, Response

_FUNC = "/func"
_SCRAMBLED = b"x-backendai-encoded"
_MOST = 1024 * 1024
"""The most bytes of a body or an answer that are parsed."""
_APP_TIMEOUT = 60.0
"""Seconds that a window waits for the answer of its app."""
_TRANSFERS = ("request-upload", "request-download")


@frozen(kw_only=True)
class Site:
    """Handles the requests of the page; `secret` is its login token."""

    api: "Api"
    user: User
    files: StaticFiles
    forwards: Forwards
    storage: StorageRoutes
    secret: str = field(factory=lambda: secrets.token_urlsafe(24))

    async def handle(self, connection: Connection, request: h11.Request) -> None:
        """Answer a request; raises Malformed."""
        target = request.target.decode("ascii")
        path = target.partition("?")[0]
        if path.startswith(f"{_FUNC}/"):
            await self._pass_on(connection, request, target.removeprefix(_FUNC))
            return
        if path.startswith(PREFIX) and await self.storage.forward(connection, request):
            return
        await connection.drop_body()
        if path.startswith("/server/"):
            await self._log_in(connection, path)
        elif path.startswith(APPS):
            await self._open_app(connection, request, urlsplit(target))
        elif path == "/config.toml":
            text = configuration(_here(request), await python_image(self.api))
            await connection.reply(200, text.encode(), "text/plain; charset=utf-8")
        else:
            await self.files.send(connection, path)

    async def _log_in(self, connection: Connection, path: str) -> None:
        """Answer every login with success, since the keys of the profile are used."""
        if path == "/server/logout":
            await connection.reply(201)
            return
        answer = {"authenticated": True, "data": self.user.public, "session_id": self.secret}
        await connection.reply(200, json.dumps(answer).encode())

    async def _pass_on(self, connection: Connection, request: h11.Request, target: str) -> None:
        inner = retarget(request, target)
        path = target.partition("?")[0]
        if path.startswith("/scaling-groups/") and path.endswith("/wsproxy-version"):
            await connection.drop_body()
            await connection.reply(200, b'{"wsproxy_version": "v1"}')
        elif path.endswith(_TRANSFERS) and path.startswith("/folders/"):
            await self._forward_transfer(connection, inner)
        elif dict(request.headers).get(_SCRAMBLED) and not is_websocket(request):
            await exchange(_Unscrambling(self.api, _here(request)).send, connection, inner)
        else:
            await forward_request(self.api, connection, inner)

    async def _forward_transfer(self, connection: Connection, request: h11.Request) -> None:
        """Forward a request for the URL of an upload or download, and replace the URL by one of
        ours.
        """
        try:
            response = await self.api.forward(forwarded_request(request, connection.body()))
            try:
                body = await response.read(_MOST)
            finally:
                with trio.CancelScope(shield=True):
                    await response.aclose()
        except (AtollError, TooLong) as error:
            await connection.drop_body()
            await connection.answer(502, str(error))
            return
        await connection.drop_body()
        kind = response.headers.get("content-type", "application/json")
        await connection.reply(response.status, self._through(body, _here(request)), kind)

    def _through(self, body: bytes, here: str) -> bytes:
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            return body
        if not isinstance(answer, dict) or not isinstance(answer.get("url"), str):
            return body
        return json.dumps({**answer, "url": self.storage.through(answer["url"], here)}).encode()

    async def _open_app(self, connection: Connection, request: h11.Request, target: Any) -> None:
        """Serve the app proxy: `conf`, `proxy/TOKEN/SESSION/add`, `…/delete`, and `redirect`."""
        words = [unquote(word) for word in target.path.removeprefix(APPS).split("/")]
        asked = {name: values[-1] for name, values in parse_qs(target.query).items()}
        match words:
            case ["conf"]:
                await connection.reply(200, json.dumps({"token": self.secret}).encode())
            case ["proxy", _, session, "add"]:
                await self._add(connection, _here(request), session, asked.get("app", ""))
            case ["proxy", _, session, "delete"]:
                self.forwards.close(session, asked.get("app", ""))
                await connection.reply(200, b'{"code": 200}')
            case ["redirect"]:
                await self._redirect(connection, request, asked)
            case _:
                await connection.answer(404, "There is no such file.")

    async def _add(self, connection: Connection, here: str, session: str, app: str) -> None:
        try:
            forward = await self.forwards.open(session, app)
        except AtollError as error:
            await connection.answer(502, str(error))
            return
        answer = {
            "code": 200,
            "proxy": urlsplit(here).hostname,
            "port": forward.port,
            "url": f"{here}{APPS}redirect?port={forward.port}",
        }
        await connection.reply(200, json.dumps(answer).encode())

    async def _redirect(
        self, connection: Connection, request: h11.Request, asked: dict[str, str]
    ) -> None:
        """Redirect to the port of an app. A script of the page sends the request first,
        then a window.
        """
        forward = self.forwards.at(asked.get("port", ""))
        if forward is None:
            await connection.answer(404, "This port leads to no app.")
            return
        place = "/" + asked.get("redirect", "").lstrip("/\\")
        host = urlsplit(_here(request)).hostname or "localhost"
        url = f"http://{host}:{forward.port}{place}"
        if b"application/json" in dict(request.headers).get(b"accept", b""):
            # With `reuse`, the page does not send a request to the app itself, which is another
            # site.
            answer = {"redirect_url": url, "reuse": True}
            await connection.reply(200, json.dumps(answer).encode())
            return
        if not (url.isascii() and url.isprintable()):
            raise Malformed("This is not a path of an app.")
        with trio.move_on_after(_APP_TIMEOUT):
            await forward.ready.wait()
        await connection.reply(302, headers=[("Location", url)])


@frozen
class _Unscrambling:
    """Sends requests with their original bodies, before the page scrambled them."""

    api: "Api"
    here: str

    async def send(self, draft: "Request") -> "Response":
        body = bytearray()
        if draft.body is not None and not isinstance(draft.body, bytes):
            async for piece in draft.body:
                body += piece
                if len(body) > _MOST:
                    raise Malformed("The body is too long.", 413)
        headers = {
            name: value
            for name, value in draft.headers.items()
            if name.encode() not in {_SCRAMBLED, b"content-length"}
        }
        plain = unscramble(bytes(body), self.here) if body else None
        return await self.api.forward(evolve(draft, body=plain, headers=headers))


def _here(request: h11.Request) -> str:
    """Return the address of the page as its browser has it; the rules have checked the host."""
    host = dict(request.headers)[b"host"].decode("ascii")
    return f"http://{host}"
