"""Limits of all folders of one user, or of one group, together."""

SQL = """
CREATE TABLE quota_scopes (
    id TEXT PRIMARY KEY,                                  -- user:… or project:…
    hard_limit_bytes INTEGER NOT NULL
) WITHOUT ROWID;
"""
