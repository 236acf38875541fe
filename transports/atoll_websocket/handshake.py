"""The opening handshake of a websocket; all frames after it are read by our own code."""

import trio
from websockets.client import ClientProtocol
from websockets.datastructures import HeadersLike
from websockets.exceptions import InvalidMessage
from websockets.protocol import OPEN
from websockets.uri import parse_uri

_HEAD_END = b"\r\n\r\n"
_LONGEST_HEAD = 64 * 1024


async def open_handshake(
    stream: trio.abc.Stream, uri: str, headers: HeadersLike, user_agent: str
) -> bytes:
    """Do the handshake for a websocket at `uri`; returns the bytes that were received after it.

    Raises InvalidHandshake of websockets if the server refuses.
    """
    protocol = ClientProtocol(parse_uri(uri))
    request = protocol.connect()
    request.headers.update(headers)
    request.headers["User-Agent"] = user_agent
    protocol.send_request(request)
    try:
        await stream.send_all(b"".join(protocol.data_to_send()))
        return await _read_answer(stream, protocol)
    finally:
        # The error refers to the protocol, and both would live until the next garbage collection.
        protocol.parser.close()


async def _read_answer(stream: trio.abc.Stream, protocol: ClientProtocol) -> bytes:
    head, rest = await _read_head(stream)
    protocol.receive_data(head)
    if protocol.state is OPEN:
        return rest
    await _read_refusal(stream, protocol, rest)
    raise protocol.handshake_exc or InvalidMessage("did not receive a valid HTTP response")


async def _read_head(stream: trio.abc.Stream) -> tuple[bytes, bytes]:
    """Read an answer up to its empty line; returns it, and the bytes received after it."""
    received = bytearray()
    while (end := received.find(_HEAD_END)) < 0:
        some = await stream.receive_some()
        if not some or len(received) > _LONGEST_HEAD:
            raise InvalidMessage("did not receive a valid HTTP response")
        received += some
    end += len(_HEAD_END)
    return bytes(received[:end]), bytes(received[end:])


async def _read_refusal(stream: trio.abc.Stream, protocol: ClientProtocol, rest: bytes) -> None:
    """Read the body of an answer that refuses the websocket."""
    while rest and protocol.handshake_exc is None:
        protocol.receive_data(rest)
        rest = bytes(await stream.receive_some()) if protocol.handshake_exc is None else b""
    if protocol.handshake_exc is None:
        protocol.receive_eof()
