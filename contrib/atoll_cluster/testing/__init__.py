"""The tests that any launcher must pass, as a class to inherit from.

    from atoll_cluster.testing import LauncherTests

    class TestPool(LauncherTests):
        launcher = "my_engine:launcher"
        settings = {"places": "2"}
        places = 2

They start real kernels. pytest finds `anyio_backend` and the other fixtures in the class; a suite
that needs another folder than a temporary one, since nodes must see it, overrides `root`.
"""

import pytest

pytest.register_assert_rewrite("atoll_cluster.testing.launchers", "atoll_cluster.testing.talk")

from atoll_cluster.testing.launchers import LauncherTests  # noqa: E402 - after their rewriting

__all__ = ["LauncherTests"]
