"""The entities that administrators manage, one module each.

A module describes its entity once (:class:`~atoll_admin.entity.Entity`) and makes its commands from
that. A new entity needs such a module, a row among the records of :mod:`atoll_admin`, and, if its
names are to be completed, a function in :mod:`atoll_admin.completions`.
"""
