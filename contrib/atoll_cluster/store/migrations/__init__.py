"""The schema as a list of migrations; `PRAGMA user_version` counts those applied to a file.

A step that was once released is never edited: a change is a new step at the end.
Times are the texts of :mod:`atoll_cluster.clock`; columns commented as JSON hold JSON text.
"""

from atoll_cluster.store.migrations import (
    account_lists,
    administration,
    cluster_templates,
    committed_images,
    containers,
    folders,
    initial,
    long_lists,
    places,
    quotas,
    templates,
    usage,
)

MIGRATIONS: tuple[str, ...] = (
    initial.SQL,
    usage.SQL,
    long_lists.SQL,
    containers.SQL,
    administration.SQL,
    folders.SQL,
    templates.SQL,
    quotas.SQL,
    account_lists.SQL,
    committed_images.SQL,
    cluster_templates.SQL,
    places.SQL,
)
