"""Server-sent events, however the network cuts them up."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atoll._api.sse import ServerSentEvent, server_sent_events


async def read(*chunks):
    async def pieces():
        for chunk in chunks:
            yield chunk

    return [event async for event in server_sent_events(pieces(), "http://here")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data: a\n\n", [("message", "a", "")]),
        ("event: e\ndata:a\ndata: b\n\n", [("e", "a\nb", "")]),
        ("id: 1\ndata: a\n\ndata: b\n\n", [("message", "a", "1"), ("message", "b", "1")]),
        (": comment\n\nevent: nothing\n\ndata\n\n", [("message", "", "")]),
        ("data: unfinished\n", []),
        ("\ufeffdata:  two spaces\n\n", [("message", " two spaces", "")]),
        ("retry: 5\nunknown: x\ndata: a:b\n\n", [("message", "a:b", "")]),
    ],
)
async def test_events(text, expected):
    assert await read(text.encode()) == [ServerSentEvent(*event) for event in expected]


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.lists(st.integers(0, 200)),
)
async def test_cuts_and_line_ends_make_no_difference(texts, end, cuts):
    text = "".join(f"event: e{end}data: {text}{end}{end}" for text in texts)
    body = text.encode() + b"\n"  # ends a CR that may be half of a line end
    places = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    chunks = [body[a:b] for a, b in pairwise(places)]
    assert await read(*chunks) == [ServerSentEvent("e", text) for text in texts]
