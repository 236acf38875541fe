"""The fixture `shell`, which runs lines with just the plugins that a test adds."""

pytest_plugins = ["atoll.testing"]
