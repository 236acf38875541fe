"""What the two packages offer to core, and that it works under either way of running trio."""

from importlib import import_module

import pytest
import trio
from websockets.trio.server import serve as serve_websocket

import atoll_rest
import atoll_websocket
from atoll import Profile
from atoll._runtime import run, run_guest
from atoll.transport import Request


@pytest.mark.parametrize(
    ("plugin", "kind"), [(atoll_rest, "request"), (atoll_websocket, "channel")]
)
def test_the_offer_can_be_loaded_for_the_scheme_of_an_endpoint(plugin, kind):
    [offer] = plugin.atoll_transports()
    module, _, name = offer.load.partition(":")
    transport = getattr(import_module(module), name)(Profile(name="lab", endpoint="http://h"), None)
    assert offer.kind == kind
    assert {"http", "https"} <= set(offer.schemes)
    assert hasattr(transport, "aclose")


@pytest.mark.parametrize("runner", [run, run_guest])
def test_requests_and_channels_work(runner, serve, answer):
    from atoll_rest.transport import connect as connect_rest
    from atoll_websocket.transport import connect as connect_websocket

    async def hello(_seen, stream):
        await stream.send_all(answer(b"hello"))

    async def echo(websocket):
        await websocket.send(await websocket.recv())

    async def main():
        async with serve(hello) as server, trio.open_nursery() as nursery:
            rest = connect_rest(Profile(name="lab", endpoint=server.url))
            response = await rest.request(Request(method="GET", path="/"))
            assert await response.read() == b"hello"
            await rest.aclose()

            peer = await nursery.start(serve_websocket, echo, 0)
            port = peer.listeners[0].socket.getsockname()[1]
            channels = connect_websocket(Profile(name="lab", endpoint=f"http://localhost:{port}"))
            async with channels.open("/x") as channel:
                await channel.send("echo")
                assert await channel.receive() == "echo"
            nursery.cancel_scope.cancel()
        return "all passed"

    assert runner(main) == "all passed"
