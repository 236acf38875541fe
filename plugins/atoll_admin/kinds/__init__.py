"""The kinds of things that administrators care for, one module each.

A module describes its kind once (:class:`~atoll_admin.kind.Kind`) and makes the kind's commands of
that. The next kind takes such a module, a row among the records of :mod:`atoll_admin`, and, if its
names are to be completed, a function in :mod:`atoll_admin.completions`.
"""
