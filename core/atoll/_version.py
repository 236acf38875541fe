"""The version; it is alone in this file so that `atoll --version` imports nothing else."""

__version__ = "0.1.0"
