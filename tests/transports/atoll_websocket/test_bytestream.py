"""Streams of bytes over real websockets: all of it arrives, and the end is told as it was."""

import base64
import gc
import hashlib
import os
import random
from contextlib import aclosing, asynccontextmanager
from functools import partial

import pytest
import trio
from websockets.trio.server import serve as serve_websocket

from atoll import NotFound, Profile, Unreachable
from atoll.transport import ChannelClosed
from atoll_websocket.transport import connect

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def opened(endpoint, **kw):
    profile = Profile(name="lab", endpoint=endpoint, access_key="AK", secret_key="SK", **kw)
    return connect(profile).stream("/x")


@pytest.fixture
def peer():
    """Serve websockets by a handler; gives the endpoint."""

    @asynccontextmanager
    async def running(handler, *, tls=None, **kw):
        kw = {"compression": None, "max_size": None, **kw}
        async with trio.open_nursery() as nursery:
            start = partial(serve_websocket, handler, port=0, host="127.0.0.1", ssl=tls, **kw)
            server = await nursery.start(start)
            port = server.listeners[0].socket.getsockname()[1]
            yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
            nursery.cancel_scope.cancel()

    return running


@pytest.fixture
def raw_peer(serve):
    """Serve what a test writes after the handshake, byte by byte if it wants."""

    @asynccontextmanager
    async def running(talk):
        async def handler(seen, stream):
            key = hashlib.sha1((seen.headers["sec-websocket-key"] + GUID).encode())  # noqa: S324  # the standard's choice
            accept = base64.b64encode(key.digest()).decode()
            await talk(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n".encode(),
                stream,
            )

        async with serve(handler) as server:
            yield server.url

    return running


def frame(opcode, payload=b"", *, final=True):
    """Spell a frame as servers send it."""
    size = len(payload)
    if size < 126:
        length = bytes([size])
    elif size < 65536:
        length = b"\x7e" + size.to_bytes(2)
    else:
        length = b"\x7f" + size.to_bytes(8)
    return bytes([opcode | 0x80 * final]) + length + payload


async def read_all(stream):
    data = bytearray()
    with trio.fail_after(60):
        while some := await stream.receive_some():
            data += some
    return bytes(data)


@pytest.mark.parametrize("secure", [False, True])
async def test_all_bytes_arrive_in_both_directions(peer, make_certificate, secure):
    data = random.randbytes(5_000_000)
    certificate = make_certificate() if secure else None

    async def echo(websocket):
        async with aclosing(aiter(websocket)) as messages:
            async for message in messages:
                await websocket.send(message)

    tls = certificate.server_context() if certificate else None
    async with peer(echo, tls=tls) as endpoint:
        ca_file = certificate.file if certificate else ""
        async with opened(endpoint, ca_file=ca_file) as stream, trio.open_nursery() as nursery:
            nursery.start_soon(stream.send_all, data)
            received = bytearray()
            with trio.fail_after(60):
                while len(received) < len(data):
                    received += await stream.receive_some()
    assert received == data


async def test_frames_of_all_sizes_in_pieces_of_all_sizes(raw_peer):
    """Fragments, texts and pings between them, cut anywhere on the way."""
    payloads = [os.urandom(size) for size in (1, 125, 126, 127, 65535, 65536, 700_000)]
    wire = frame(0x1, b"to be passed over") + frame(0x9, b"are you there")
    for payload in payloads:
        middle = len(payload) // 2
        wire += frame(0x2, payload[:middle], final=False) + frame(0xA)
        wire += frame(0x0, payload[middle:])
    wire += frame(0x8, (1000).to_bytes(2))

    async def talk(answer, stream):
        rest = answer + wire
        while rest:
            size = random.choice([1, 2, 3, 7, 100, 5000, 300_000])
            await stream.send_all(rest[:size])
            rest = rest[size:]
        await stream.receive_some()

    async with raw_peer(talk) as endpoint, opened(endpoint) as stream:
        assert await read_all(stream) == b"".join(payloads)


async def test_what_comes_with_the_handshake_is_not_lost(raw_peer):
    async def talk(answer, stream):
        await stream.send_all(answer + frame(0x2, b"SSH-2.0-greeting\r\n"))
        await stream.receive_some()

    async with raw_peer(talk) as endpoint, opened(endpoint) as stream:
        assert await stream.receive_some() == b"SSH-2.0-greeting\r\n"


async def test_pings_are_answered(peer):
    async def handler(websocket):
        await (await websocket.ping()).wait()
        await websocket.send(b"you are there")

    async with peer(handler) as endpoint, opened(endpoint) as stream:
        with trio.fail_after(60):
            assert await stream.receive_some() == b"you are there"


async def test_no_more_than_fits_on_the_way_is_taken(peer):
    """Who sends waits for who reads, so that memory does not fill in between."""
    read_on = trio.Event()
    piece = bytes(1_000_000)

    async def handler(websocket):
        await read_on.wait()
        async with aclosing(aiter(websocket)) as messages:
            async for _ in messages:
                pass

    sent = 0
    async with peer(handler, max_queue=1) as endpoint, opened(endpoint) as stream:
        with trio.move_on_after(1):
            while True:
                await stream.send_all(piece)
                sent += len(piece)
        assert sent < 60_000_000
        read_on.set()


async def test_the_end_of_one_direction_leaves_the_other_open(peer):
    async def handler(websocket):
        data = b""
        while message := await websocket.recv():
            data += message
        await websocket.send(b"you sent " + data)
        await websocket.send(b"")
        assert await websocket.recv() == b"though I sent my last"

    async with peer(handler) as endpoint, opened(endpoint) as stream:
        await stream.send_all(b"a request")
        await stream.send_eof()
        assert await read_all(stream) == b"you sent a request"
        assert not stream.is_closed
        with pytest.raises(trio.ClosedResourceError):
            await stream.send_all(b"after the end")


async def test_sending_goes_on_after_the_other_side_has_sent_its_last(peer):
    heard = []

    async def handler(websocket):
        await websocket.send(b"")
        heard.extend([await websocket.recv(), await websocket.recv()])

    async with peer(handler) as endpoint, opened(endpoint) as stream:
        assert await stream.receive_some() == b""
        await stream.send_all(b"still here")
        await stream.send_eof()
    assert heard == [b"still here", b""]


@pytest.mark.parametrize(
    ("code", "orderly"), [(1000, True), (1001, True), (1011, False), (1013, False)]
)
async def test_the_end_says_how_it_came(peer, code, orderly):
    async def handler(websocket):
        await websocket.send(b"last words")
        await websocket.aclose(code)

    async with peer(handler) as endpoint, opened(endpoint) as stream:
        assert await stream.receive_some() == b"last words"
        if orderly:
            assert await stream.receive_some() == b""
        else:
            with pytest.raises(trio.BrokenResourceError) as caught:
                await stream.receive_some()
            assert caught.value.__cause__.code == code
        assert stream.is_closed
        with pytest.raises(trio.BrokenResourceError):
            await stream.send_all(b"too late")


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (frame(0x2, b"whole"), None),
        (frame(0x2, b"torn off")[:-2], 1006),
        (b"\x82", 1006),
        (b"\xf2\x05never", 1006),
    ],
)
async def test_a_connection_that_breaks_is_no_end(raw_peer, last, code):
    async def talk(answer, stream):
        await stream.send_all(answer + last)

    async with raw_peer(talk) as endpoint, opened(endpoint) as stream:
        with pytest.raises(trio.BrokenResourceError) as caught:
            await read_all(stream)
    assert isinstance(caught.value.__cause__, ChannelClosed)
    assert caught.value.__cause__.code == code


async def test_leaving_early_says_so(peer):
    send, closed = trio.open_memory_channel(2)

    async def handler(websocket):
        async with aclosing(aiter(websocket)) as messages:
            async for _ in messages:
                pass
        await send.send(websocket.close_code)

    async with peer(handler) as endpoint:
        async with opened(endpoint) as stream:
            await stream.send_all(b"x")
        with trio.move_on_after(0.2):
            async with opened(endpoint) as stream:
                await stream.receive_some()
        with trio.fail_after(60):
            assert [await closed.receive(), await closed.receive()] == [1000, 1000]


async def test_a_refusal_is_the_same_problem_as_anywhere(serve, answer):
    async def handler(_seen, stream):
        body = b'{"type": "https://api.backend.ai/probs/object-not-found", "title": "No such app"}'
        kind = "application/problem+json"
        await stream.send_all(answer(body, status=404, content_type=kind))

    async with serve(handler) as server:
        with pytest.raises(NotFound, match="No such app"):
            async with opened(server.url):
                pass


@pytest.mark.parametrize("fault", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 101 Sw"])
async def test_a_handshake_that_breaks_off(serve, fault):
    async def handler(_seen, stream):
        await stream.send_all(fault)

    async with serve(handler) as server:
        with pytest.raises(Unreachable, match="broke off the websocket handshake"):
            async with opened(server.url):
                pass


async def test_streams_leave_nothing_behind(peer):
    async def handler(websocket):
        await websocket.send(b"hello")
        await websocket.recv()

    async with peer(handler) as endpoint:
        await _use(endpoint)
        before = _descriptors()
        for _ in range(20):
            await _use(endpoint)
        assert _descriptors() <= before


async def _use(endpoint):
    async with opened(endpoint) as stream:
        await stream.receive_some()


def _descriptors():
    gc.collect()
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # a count is all
