"""Keys typed into a session's terminal, and the escape that leaves it."""

import pytest

from atoll_sessions.terminal import Typed


@pytest.mark.parametrize(
    ("chunks", "sent", "left"),
    [
        ([b"ls\r"], b"ls\r", False),
        ([b"~."], b"", True),
        ([b"~", b"."], b"", True),
        ([b"cat\r~."], b"cat\r", True),
        ([b"cat\r", b"~", b"."], b"cat\r", True),
        ([b"cat\r~", b".x"], b"cat\r", True),
        ([b"ls", b" a\r~", b"."], b"ls a\r", True),
        ([b"ls ~", b".\r"], b"ls ~.\r", False),
        ([b"ls ", b"~."], b"ls ~.", False),
        ([b"~", b"/x\r"], b"~/x\r", False),
        ([b"~", b"\r~", b"a"], b"~\r~a", False),
    ],
)
def test_what_is_sent(chunks, sent, left):
    typed = Typed()
    assert b"".join(typed.take(chunk) for chunk in chunks) == sent
    assert typed.left is left
