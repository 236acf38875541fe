"""The store as the rest of the program holds it: one object with a part for each kind of thing."""

from pathlib import Path

from attrs import frozen

from atoll_local.store.accounts import Accounts
from atoll_local.store.administration import Tables
from atoll_local.store.database import Database
from atoll_local.store.dotfiles import Dotfiles
from atoll_local.store.folders import Folders
from atoll_local.store.kernels import Kernels
from atoll_local.store.logs import Logs
from atoll_local.store.sessions import Sessions
from atoll_local.store.settings import Settings
from atoll_local.store.table import Table
from atoll_local.store.templates import SessionTemplate, templates_table
from atoll_local.store.usage_recorder import UsageRecorder


@frozen
class Store:
    """Everything that is kept on disk."""

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
        """Open the file at `path`, and the logs beside it, creating or upgrading them."""
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
