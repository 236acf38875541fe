"""Which references are replaced, and which are left to shells and languages."""

import pytest

from atoll_sessions.sweep.template import interpolate, mentioned

VALUES = {"X": "1.5", "long_name": "a b"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("echo $X ${X}0 $long_name", "echo 1.5 1.50 a b"),
        ("$HOME $Xs ${HOME} $1 $(date) $", "$HOME $Xs ${HOME} $1 $(date) $"),
        ("$$ $$HOME $$X $${X}", "$$ $$HOME $X ${X}"),
        ("${X ${X-1} $ X", "${X ${X-1} $ X"),
        ("", ""),
    ],
)
def test_references(text, expected):
    """Only the sweep's own variables are replaced; `$$X` writes `$X`."""
    assert interpolate(text, VALUES) == expected


def test_values_are_not_looked_into():
    """A value that looks like a reference is a value."""
    assert interpolate("$A$B", {"A": "$B", "B": "$A"}) == "$B$A"


def test_mentioned():
    """What is escaped is no mention."""
    assert mentioned("$$X ${long_name}", VALUES) == {"long_name"}
