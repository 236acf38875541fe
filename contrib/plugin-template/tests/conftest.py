"""The fixture `shell`, which runs lines with just the plugins that a test adds."""

import pytest

pytest_plugins = ["atoll.testing"]


@pytest.fixture
def anyio_backend():
    """What `@pytest.mark.anyio` runs under, as commands do."""
    return "trio"
