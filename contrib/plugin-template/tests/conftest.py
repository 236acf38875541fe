"""Load the fixtures `shell`, `prompt` and `cluster`, which the tests of the plugin use."""

pytest_plugins = ["atoll.testing"]
