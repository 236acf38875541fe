"""The fixtures `shell`, `prompt` and `cluster`, by which the plugin is tried."""

pytest_plugins = ["atoll.testing"]
