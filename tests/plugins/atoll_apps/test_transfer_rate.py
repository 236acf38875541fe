"""What a job that opens ports tells of its connections."""

import re
from types import SimpleNamespace

import trio

from atoll.output import Output
from atoll_apps.ports.transfer_rate import TransferRate


async def test_connections_and_their_rate_are_told():
    """As long as they are open, and something goes through them."""
    send, told = trio.open_memory_channel[str](100)
    rate, output = TransferRate(), Output(writer=None, show_progress=send.send_nowait)

    async def swallow(local):
        async for _ in local:
            pass

    async def see(pattern):
        while not re.fullmatch(pattern, await told.receive()):
            pass

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
            port = listener.socket.getsockname()[1]
            nursery.start_soon(trio.serve_listeners, rate.measuring(swallow), [listener])
            nursery.start_soon(rate.show, SimpleNamespace(output=output))
            await see("no connections")
            client = await trio.open_tcp_stream("127.0.0.1", port)
            await see("1 connection, 0 B/s")
            await client.send_all(bytes(2**20))
            await see(r"1 connection, [\d.]+ [KM]iB/s")
            await see("1 connection, 0 B/s")
            await client.aclose()
            await see("no connections")
            nursery.cancel_scope.cancel()
