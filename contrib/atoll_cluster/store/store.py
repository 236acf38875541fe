"""The store: one object with a part for each kind of data."""

from pathlib import Path

from attrs import frozen

from atoll_cluster.store.accounts import Accounts
from atoll_cluster.store.administration import Tables
from atoll_cluster.store.database import Database
from atoll_cluster.store.dotfiles import Dotfiles
from atoll_cluster.store.folders import Folders
from atoll_cluster.store.kernels import Kernels
from atoll_cluster.store.logs import Logs
from atoll_cluster.store.sessions import Sessions
from atoll_cluster.store.settings import Settings
from atoll_cluster.store.table import Table
from atoll_cluster.store.templates import SessionTemplate, templates_table
from atoll_cluster.store.usage_recorder import UsageRecorder


@frozen
class Store:
    """All data in the database, and the logs."""

    db: Database
    tables: Tables
    accounts: Accounts
    settings: Settings
    sessions: Sessions
    kernels: Kernels
    logs: Logs
    folders: Folders
    dotfiles: Dotfiles
    templates: Table[SessionTemplate]
    usage: UsageRecorder

    @classmethod
    def open(cls, path: Path) -> "Store":
        """Open the file at `path` and the logs beside it; creates or upgrades them if needed."""
        db = Database(path)
        tables = Tables.of(db)
        return cls(
            db,
            tables,
            Accounts(db, tables),
            Settings(db),
            Sessions(db),
            Kernels(db),
            Logs.open(path.with_name("logs"), db),
            Folders.of(db, tables),
            Dotfiles(db),
            templates_table(db, tables),
            UsageRecorder(db, tables.users.counts),
        )

    def close(self) -> None:
        """Close the file."""
        self.db.close()
