"""Each name of another library that it does not promise, and what atoll uses it for.

An upgrade that takes one away fails here in one line, before it fails anywhere else.
"""

from dis import get_instructions
from importlib import import_module
from inspect import isclass, isfunction
from pathlib import Path

import pytest

UVICORN_HTTP = "uvicorn.protocols.http.h11_impl:H11Protocol"
UVICORN_WEBSOCKET = "uvicorn.protocols.websockets.websockets_sansio_impl:WebSocketsSansIOProtocol"
RENDERER = "prompt_toolkit.renderer:Renderer"
BAD_REQUESTS = "api/connections.py: to end a request in order whose body is no HTTP"
REFUSED_HANDSHAKES = "api/handover.py: to answer what is no handshake"
BAD_TEXT = "api/handover.py: to end a websocket whose text is no UTF-8"
GONE = "api/handover.py: to take a websocket that has ended for a client that has left"
HAND_OVER = "api/handover.py: to give a tunnel's connection to its route"
NO_SIGNALS = "atoll_cluster/program.py: to leave signals to the cluster"
ANNOUNCED = "atoll_cluster/program.py: to tell of the cluster once it listens"
NO_RICH = "atoll_rest/transport.py: to keep httpx from importing its command line"
WIRE = "atoll_rest/pool.py: to learn whether an answer was cut short"
HANDSHAKE = "atoll_websocket/handshake.py: to open a websocket on a stream of ours"
MASK = "to mask frames in C"
ABOVE = "_shell/screen.py: to write above the prompt without leaving raw mode"
DRAWN = "_shell/prompt.py: to connect only once the prompt is drawn"

LEANED_ON = [
    (UVICORN_HTTP, "send_400_response", BAD_REQUESTS),
    (UVICORN_HTTP, "conn", BAD_REQUESTS),
    (UVICORN_HTTP, "transport", BAD_REQUESTS),
    (UVICORN_HTTP, "cycle", BAD_REQUESTS),
    ("uvicorn.protocols.http.h11_impl:RequestResponseCycle", "disconnected", BAD_REQUESTS),
    ("uvicorn.protocols.http.h11_impl:RequestResponseCycle", "message_event", BAD_REQUESTS),
    (UVICORN_WEBSOCKET, "data_received", REFUSED_HANDSHAKES),
    (UVICORN_WEBSOCKET, "handshake_initiated", REFUSED_HANDSHAKES),
    (UVICORN_WEBSOCKET, "handshake_complete", REFUSED_HANDSHAKES),
    (UVICORN_WEBSOCKET, "close_sent", REFUSED_HANDSHAKES),
    (UVICORN_WEBSOCKET, "conn", REFUSED_HANDSHAKES),
    (UVICORN_WEBSOCKET, "send_receive_event_to_app", BAD_TEXT),
    (UVICORN_WEBSOCKET, "curr_msg_data_type", BAD_TEXT),
    (UVICORN_WEBSOCKET, "frames", BAD_TEXT),
    (UVICORN_WEBSOCKET, "handle_parser_exception", BAD_TEXT),
    (UVICORN_WEBSOCKET, "send", GONE),
    ("uvicorn.protocols.utils", "ClientDisconnected", GONE),
    (UVICORN_WEBSOCKET, "handle_connect", HAND_OVER),
    (UVICORN_WEBSOCKET, "scope", HAND_OVER),
    (UVICORN_WEBSOCKET, "transport", HAND_OVER),
    ("uvicorn:Server", "capture_signals", NO_SIGNALS),
    ("uvicorn:Server", "should_exit", NO_SIGNALS),
    ("uvicorn:Server", "startup", ANNOUNCED),
    ("uvicorn:Server", "shutdown", ANNOUNCED),
    ("httpcore", "AsyncNetworkBackend", WIRE),
    ("websockets.client:ClientProtocol", "connect", HANDSHAKE),
    ("websockets.client:ClientProtocol", "handshake_exc", HANDSHAKE),
    ("websockets.client:ClientProtocol", "data_to_send", HANDSHAKE),
    ("websockets.client:ClientProtocol", "receive_data", HANDSHAKE),
    ("websockets.protocol", "OPEN", HANDSHAKE),
    ("websockets.uri", "parse_uri", HANDSHAKE),
    ("websockets.exceptions", "InvalidMessage", HANDSHAKE),
    ("websockets.utils", "apply_mask", MASK),
    (RENDERER, "erase", ABOVE),
    (RENDERER, "request_absolute_cursor_position", ABOVE),
    ("prompt_toolkit.application:Application", "after_render", DRAWN),
]


@pytest.mark.parametrize(
    ("place", "name", "use"), LEANED_ON, ids=[f"{one[0]}.{one[1]}" for one in LEANED_ON]
)
def test_it_is_still_there(place, name, use):
    owner = find(place)
    if not is_there(owner, name):
        pytest.fail(f"{place} has no {name} any more, which we need in {use}", pytrace=False)


def test_httpx_goes_on_without_its_command_line():
    """What keeps that import away is a module of this name, set to None beforehand."""
    text = Path(import_module("httpx").__file__).read_text(encoding="utf-8")
    if "from ._main import main" not in text or "except ImportError" not in text:
        pytest.fail(f"httpx no longer tries httpx._main, which we need in {NO_RICH}", pytrace=False)


def test_frames_are_masked_in_c():
    """Where the wheel has no C, tunnels are ten times slower, but they work."""
    if not is_there(find("websockets.speedups"), "apply_mask"):
        pytest.fail(f"websockets.speedups has no apply_mask, which we use {MASK}", pytrace=False)


def test_a_name_that_is_not_there_is_found_out():
    """The checks above could fail."""
    assert not is_there(find(UVICORN_HTTP), "no_such_attribute")
    assert not is_there(find("websockets.uri"), "no_such_function")


def find(place):
    """Return a module, or the attribute of one, by `module` or `module:attribute`."""
    module, _, attribute = place.partition(":")
    try:
        found = import_module(module)
        return getattr(found, attribute) if attribute else found
    except (ImportError, AttributeError) as error:
        pytest.fail(f"{place} is gone: {error}", pytrace=False)


def is_there(owner, name):
    """Tell whether a module or class has a name, or a class's methods give it to its objects."""
    if hasattr(owner, name):
        return True
    classes = owner.__mro__ if isclass(owner) else ()
    methods = [one for cls in classes for one in vars(cls).values() if isfunction(one)]
    return any(name in attributes_set_by(method) for method in methods)


def attributes_set_by(method):
    """Return the names of the attributes that a function sets."""
    return {one.argval for one in get_instructions(method) if one.opname == "STORE_ATTR"}
