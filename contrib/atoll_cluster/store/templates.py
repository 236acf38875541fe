"""Templates of sessions and of clusters, each stored under an id."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from atoll_cluster.store.administration import Tables
from atoll_cluster.store.database import Database
from atoll_cluster.store.rows import json_field
from atoll_cluster.store.table import Table


@frozen(kw_only=True)
class SessionTemplate:
    """A user's template; `id` has no dashes. `kind` is `task` (for a session) or `cluster`."""

    id: str
    name: str
    user: str
    group_id: str
    domain_name: str
    template: Mapping[str, Any] = json_field(dict)
    kind: str = "task"
    is_active: bool = True
    created_at: str


def templates_table(db: Database, tables: Tables) -> Table[SessionTemplate]:
    """Return the table of templates."""
    return Table(db, "session_templates", SessionTemplate, "id", tables.users.counts)
