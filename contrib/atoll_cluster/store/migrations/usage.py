"""The resource use of kernels, and the time when sessions were last used."""

SQL = """
ALTER TABLE kernels ADD COLUMN status_data TEXT;          -- JSON
ALTER TABLE kernels ADD COLUMN last_stat TEXT;            -- JSON, as /session/{s} tells it
ALTER TABLE kernels ADD COLUMN address TEXT;              -- on loopback, while it holds slots
ALTER TABLE kernels ADD COLUMN devices TEXT NOT NULL DEFAULT '[]';  -- JSON list of GPU numbers
ALTER TABLE sessions ADD COLUMN active_at TEXT;           -- when it was last seen to do something
UPDATE keypair_resource_policies SET idle_timeout = 1800 WHERE name = 'default';
"""
