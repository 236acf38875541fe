"""The programs of :mod:`atoll_ssh.__main__`, one module each."""
