"""Frames of clients, made by another library, taken apart however they are cut on their way."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from atoll_cluster.api.tunnel.frames import BadFrame, FrameReader

PAYLOADS = st.one_of(st.binary(max_size=200), st.sampled_from([126, 65_535, 65_536]).map(bytes))
CONTROLS = st.builds(
    Frame, st.sampled_from([Opcode.PING, Opcode.PONG, Opcode.CLOSE]), st.binary(max_size=125)
)


@st.composite
def conversations(draw):
    """Messages in any number of fragments, with controls between these: (frames, what is meant)."""
    frames, meant = [], []
    for kind in draw(st.lists(st.sampled_from([Opcode.BINARY, Opcode.TEXT]), max_size=4)):
        payloads = draw(st.lists(PAYLOADS, min_size=1, max_size=3))
        for number, payload in enumerate(payloads):
            opcode = Opcode.CONT if number else kind
            frames.append(Frame(opcode, payload, fin=number == len(payloads) - 1))
            if kind is Opcode.BINARY and (payload or len(payloads) == 1):
                meant.append((Opcode.BINARY, payload))
            if control := draw(st.none() | CONTROLS):
                frames.append(control)
                meant.append((control.opcode, control.data))
    return frames, meant


@settings(deadline=None)
@given(conversations(), st.integers(1, 5000))
def test_all_messages_arrive_in_order(conversation, step):
    frames, meant = conversation
    wire = b"".join(frame.serialize(mask=True) for frame in frames)
    assert joined(read(wire, step)) == joined(meant)


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(Frame(Opcode.BINARY, b"x").serialize(mask=False), id="not masked"),
        pytest.param(b"\xc2\x81\0\0\0\0x", id="a bit that nobody agreed on"),
        pytest.param(b"\x89\xfe\x00\x7e\0\0\0\0", id="a long ping"),
        pytest.param(b"\x09\x80\0\0\0\0", id="half a ping"),
    ],
)
def test_invalid_frames_are_refused(wire):
    with pytest.raises(BadFrame):
        read(wire, len(wire))


def read(wire, step):
    """Let bytes come in steps; return the opcodes and payloads that come out."""
    reader, taken = FrameReader(), []
    wire = memoryview(wire)
    while wire:
        room = reader.room()
        count = min(step, len(wire), len(room))
        room[:count], wire = wire[:count], wire[count:]
        reader.received(count)
        while (piece := reader.take()) is not None:
            taken.append(piece)
    return taken


def joined(pieces):
    """Join the pieces of what is one to whom it is said: bytes up to a control, or to an end."""
    together = []
    for opcode, payload in pieces:
        goes_on = together and together[-1][0] == opcode == Opcode.BINARY
        if goes_on and payload and together[-1][1]:
            together[-1] = opcode, together[-1][1] + payload
        else:
            together.append((opcode, payload))
    return together
