"""The tests that any launcher must pass, as a class to inherit from.

    from atoll_cluster.testing import LauncherTests

    class TestPool(LauncherTests):
        launcher = "my_engine:launcher"
        settings = {"places": "2"}
        places = 2

The tests start real kernels. pytest finds `anyio_backend` and the other fixtures in the class. If
the nodes cannot see a temporary folder, override the fixture `root`.
"""

import pytest

pytest.register_assert_rewrite("atoll_cluster.testing.launchers", "atoll_cluster.testing.talk")

from atoll_cluster.testing.launchers import LauncherTests  # noqa: E402 - after the line above

__all__ = ["LauncherTests"]
