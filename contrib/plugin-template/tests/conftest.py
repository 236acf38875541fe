"""The fixtures `shell`, `prompt` and `cluster`, with which the plugin is tested."""

pytest_plugins = ["atoll.testing"]
