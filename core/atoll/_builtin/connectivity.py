"""`doctor`'s check of the connection to the cluster, step by step."""

import ssl
from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import uuid4

import trio

from atoll._api import path
from atoll._api.relogin import not_logged_in
from atoll._context import Context, program_of
from atoll._errors import AtollError, ExitCode, NotFound
from atoll._headers import seconds_ahead
from atoll._records import Finding
from atoll._target import NothingConfigured
from atoll.hookspecs import PROFILES
from atoll.transport import ConnectionLost, Login, Request

if TYPE_CHECKING:
    from atoll._api import Api

_TIMEOUT = 10.0
_SKEW = 15 * 60
"""Seconds by which a clock may be wrong before clusters refuse its signatures."""
_PRECISION = 2
"""Smaller differences, in seconds, mean nothing: dates of answers have no fractions, and answers
take some time.
"""


async def check(context: Context) -> AsyncIterator[Finding]:
    """Check each step until one fails, since the steps after it would fail as well."""
    api = await context.connect_if_up(context.profile_name)
    if api is None:
        async for finding in _unconnected(context):
            yield finding
        return
    yield Finding("profile", "ok", f"{api.profile.name}: {api.profile.endpoint}")
    for step in (partial(_names, context), _answers, _accepted):
        failed = False
        async for finding in step(api):
            yield finding
            failed = failed or finding.status == "failed"
        if failed:
            return


async def _unconnected(context: Context) -> AsyncIterator[Finding]:
    """Say why there is no connection: there is no profile, or its cluster can't be reached by
    it.
    """
    profile = await context.profile_if_up(context.profile_name)
    if profile is None:
        yield await _no_profile(context)
        return
    yield Finding("profile", "ok", f"{profile.name}: {profile.endpoint}")
    try:
        await context.connect(context.profile_name)
    except AtollError as error:
        words = f"through {profile.via}: {error.message}" if profile.via else error.message
        yield Finding("connection", "failed", words, error.hint, error.exit_code)


async def _no_profile(context: Context) -> Finding:
    """Return what is wrong with the profile; or that there is none unless a cluster is started."""
    program = program_of(context)
    choice = await trio.to_thread.run_sync(program.target.of, context.profile_name)
    try:
        if not (choice.offered or isinstance(choice.problem, NothingConfigured)):
            program.transports.check(program.profile(choice, context.output.note))
    except AtollError as error:
        return Finding("profile", "failed", error.message, error.hint, error.exit_code)
    starts = [offer.record.start for offer in context.collect(PROFILES) if offer.record.start]
    hint = ", or ".join(["atoll profile add", *(f"atoll {start}" for start in starts)])
    return Finding("profile", "absent", "no cluster is in use, and none runs here", hint)


async def _names(context: Context, api: "Api") -> AsyncIterator[Finding]:
    """Look the host up and connect to it, unless a proxy or dialer does that."""
    parts = urlsplit(api.profile.endpoint)
    if way := _known_route(context, api):
        yield Finding("connection", "skipped", way)
        return
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    try:
        with trio.fail_after(_TIMEOUT):
            found = await trio.socket.getaddrinfo(
                parts.hostname, port, type=trio.socket.SOCK_STREAM
            )
    except (OSError, trio.TooSlowError):
        yield _unreachable("name", f"there is no host {parts.hostname}")
        return
    yield Finding("name", "ok", ", ".join(dict.fromkeys(str(one[4][0]) for one in found)))
    yield await _connection(str(parts.hostname), port)


def _known_route(context: Context, api: "Api") -> str:
    """Return what makes the connections, if it is not a plain lookup of the host."""
    profile = api.profile
    if profile.via:
        return f"goes through {profile.via}"
    if profile.transport or not profile.endpoint.startswith(("http:", "https:")):
        return f"made by {program_of(context).transports.find('request', profile).origin}"
    return f"goes through {api.proxy}" if api.proxy else ""


async def _connection(host: str, port: int) -> Finding:
    began = trio.current_time()
    try:
        with trio.fail_after(_TIMEOUT):
            stream = await trio.open_tcp_stream(host, port)
    except (OSError, trio.TooSlowError):
        return Finding(
            "connection",
            "absent",
            f"nothing answers at port {port}",
            "a firewall, or a cluster down",
        )
    await stream.aclose()
    return Finding("connection", "ok", f"port {port} in {_ms(began)}")


async def _answers(api: "Api") -> AsyncIterator[Finding]:
    """Ask the server for its version, which needs TLS, HTTP and the right path."""
    began = trio.current_time()
    secure = api.profile.endpoint.startswith("https:")
    try:
        request = Request(method="GET", path="/", signed=False, timeout=_TIMEOUT)
        response = await api.forward(request)
        await response.aclose()
        version = await api.version()
    except AtollError as error:
        step = "tls" if secure and not isinstance(error, ConnectionLost) else "http"
        yield Finding(step, "failed", error.message, error.hint, error.exit_code)
        return
    if secure:
        trust = "its certificate is trusted" if api.profile.verify_tls else "any is trusted"
        yield Finding("tls", "ok", f"{ssl.OPENSSL_VERSION.split()[0]}; {trust}")
    manager = await api.manager() or "an unknown release"
    yield Finding("http", "ok", f"status {response.status} in {_ms(began)}")
    yield Finding("version", "ok", f"manager {manager} speaks {version}")
    yield _clock(response.headers.get("date", ""))


def _clock(date: str) -> Finding:
    ahead = seconds_ahead(date)
    if ahead is None:
        return Finding("clock", "skipped", "the cluster does not send its time")
    direction = "ahead of" if ahead > 0 else "behind"
    detail = f"{abs(ahead):.0f} s {direction} the cluster's"
    if abs(ahead) < _PRECISION:
        detail = "as the cluster's"
    if abs(ahead) < _SKEW:
        return Finding("clock", "ok", detail)
    return Finding("clock", "failed", detail, "set this machine's clock", ExitCode.UNAUTHORIZED)


async def _accepted(api: "Api") -> AsyncIterator[Finding]:
    """Check the keys, or the login, and open a websocket."""
    name = "login" if api.login else "keys"
    if not (api.login or api.profile.access_key):
        yield Finding(name, "skipped", "the profile holds none")
        return
    try:
        detail = await _held(api, api.login) if api.login else ""
        await api.json("GET", "/auth", params={"echo": "atoll"})
    except AtollError as error:
        yield Finding(name, "failed", error.message, error.hint, error.exit_code)
        return
    yield Finding(name, "ok", detail or f"{api.profile.access_key} may sign requests")
    yield await _websocket(api)


async def _held(api: "Api", login: Login) -> str:
    """Return the user of a login that the cluster accepts; raises NotAuthorized if there is none.
    The user is not asked.
    """
    who = await login.identity()
    if who is None or not await login.is_valid():
        raise not_logged_in(api.profile, who.user if who else "")
    return f"{who.user} is logged in"


async def _websocket(api: "Api") -> Finding:
    """Request a stream of a session that does not exist, since only the cluster itself can refuse
    that.
    """
    try:
        async with api.open(path("stream", "session", str(uuid4()), "execute")):
            pass
    except NotFound as error:
        if getattr(error, "type", "") != "generic-error":
            return Finding("websocket", "ok", "handshakes reach the cluster")
        detail = error.message
    except AtollError as error:
        # This is how a web server reports that the cluster behind it has refused a handshake, for
        # any reason.
        if api.login and getattr(error, "type", "") == "bad-gateway":
            return Finding("websocket", "ok", "handshakes reach the web server")
        detail = error.message
    hint = "a proxy on the way may not let websockets pass"
    return _unreachable("websocket", detail, hint)


def _unreachable(name: str, detail: str, hint: str = "") -> Finding:
    return Finding(name, "failed", detail, hint or "check the endpoint", ExitCode.UNREACHABLE)


def _ms(began: float) -> str:
    return f"{(trio.current_time() - began) * 1000:.0f} ms"
