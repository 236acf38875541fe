"""The tests of core use what the tests of plugins are offered."""

pytest_plugins = ["atoll.testing"]
