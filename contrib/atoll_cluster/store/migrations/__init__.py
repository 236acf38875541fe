"""The schema as a list of migrations; `PRAGMA user_version` counts those applied to a file.

A migration that was released is never edited: each change is a new migration at the end.
Times are texts in the format of :mod:`atoll_cluster.clock`. A column with the comment JSON contains
JSON text.
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
