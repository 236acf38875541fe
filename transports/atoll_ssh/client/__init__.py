"""The programs of :mod:`atoll_ssh.__main__`, a module for each."""
