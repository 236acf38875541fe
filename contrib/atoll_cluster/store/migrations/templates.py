"""Session templates and dotfiles."""

SQL = """
CREATE TABLE session_templates (
    id TEXT PRIMARY KEY,                                  -- a UUID without dashes
    name TEXT NOT NULL,
    user TEXT NOT NULL REFERENCES users(uuid) ON DELETE CASCADE,
    group_id TEXT NOT NULL REFERENCES groups(id) ON DELETE CASCADE,
    domain_name TEXT NOT NULL,
    template TEXT NOT NULL,                               -- JSON
    is_active INTEGER NOT NULL DEFAULT 1,
    created_at TEXT NOT NULL
);
CREATE TABLE dotfiles (
    scope TEXT NOT NULL,                                  -- keypair, group or domain
    owner TEXT NOT NULL,                                  -- access key, id or name
    path TEXT NOT NULL,
    permission TEXT NOT NULL,                             -- three octal digits
    data TEXT NOT NULL,
    PRIMARY KEY (scope, owner, path)
) WITHOUT ROWID;
CREATE TABLE bootstrap_scripts (
    access_key TEXT PRIMARY KEY REFERENCES keypairs(access_key) ON DELETE CASCADE,
    script TEXT NOT NULL
) WITHOUT ROWID;
"""
