"""This machine does what any launcher must."""

from atoll_cluster.testing import LauncherTests


class TestThisMachine(LauncherTests):
    launcher = "atoll_cluster.engine.local:launcher"
