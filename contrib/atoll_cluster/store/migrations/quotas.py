"""Limits for all folders of a user or a group together."""

SQL = """
CREATE TABLE quota_scopes (
    id TEXT PRIMARY KEY,                                  -- user:… or project:…
    hard_limit_bytes INTEGER NOT NULL
) WITHOUT ROWID;
"""
