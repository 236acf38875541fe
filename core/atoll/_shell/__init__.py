"""Front door 3: the prompt, with its completion, history, toolbar and background jobs."""

from atoll._shell.door import run_shell

__all__ = ["run_shell"]
