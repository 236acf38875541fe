"""Paths of the API, whatever the names in them hold."""

import pytest

from atoll.urls import path


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        (("session", "my sess", "logs"), "/session/my%20sess/logs"),
        (("a/b", "ü", "%"), "/a%2Fb/%C3%BC/%25"),
        (("..", "."), "/%2E%2E/%2E"),
    ],
)
def test_path(segments, expected):
    assert path(*segments) == expected
