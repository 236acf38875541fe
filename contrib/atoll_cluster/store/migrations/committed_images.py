"""Images made from sessions."""

SQL = """
CREATE TABLE committed_images (
    id TEXT PRIMARY KEY,                                  -- of the kept home, too
    name TEXT NOT NULL,
    tag TEXT NOT NULL,
    base TEXT NOT NULL,                                   -- canonical name of a runtime
    owner TEXT NOT NULL REFERENCES users(uuid) ON DELETE CASCADE,
    session_id TEXT NOT NULL,                             -- which may be gone
    size INTEGER NOT NULL DEFAULT 0,                      -- bytes
    status TEXT NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (name, tag)
);
CREATE INDEX committed_images_owner ON committed_images(owner, created_at);
"""
