"""The entities that administrators manage, one module each.

Each module contains one description of its entity (:class:`~atoll_admin.entity.Entity`), and makes
the entity's commands from it. A new entity needs such a module, a row among the records of
:mod:`atoll_admin`, and, if its names are to be completed, a function in
:mod:`atoll_admin.completions`.
"""
