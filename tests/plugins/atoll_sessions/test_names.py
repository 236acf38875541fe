"""Names of files as they travel, whatever bytes they are of."""

import os

from atoll.files import is_name
from atoll_sessions.files.names import from_wire


def test_bytes_that_are_no_text_come_from_the_wire():
    assert os.fsencode(from_wire("caf\0e9/\0ff")) == b"caf\xe9/\xff"
    for text in ("a\0", "\x002f", "\0zz", "\0E9"):
        assert from_wire(text) == text
        assert not is_name(from_wire(text))
