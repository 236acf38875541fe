"""Accounts, sessions and their kernels."""

SQL = """
CREATE TABLE domains (
    name TEXT PRIMARY KEY,
    description TEXT NOT NULL DEFAULT '',
    is_active INTEGER NOT NULL DEFAULT 1,
    created_at TEXT NOT NULL,
    modified_at TEXT NOT NULL,
    total_resource_slots TEXT NOT NULL DEFAULT '{}',      -- JSON
    integration_id TEXT
);
CREATE TABLE groups (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    domain_name TEXT NOT NULL REFERENCES domains(name),
    description TEXT NOT NULL DEFAULT '',
    is_active INTEGER NOT NULL DEFAULT 1,
    created_at TEXT NOT NULL,
    modified_at TEXT NOT NULL,
    total_resource_slots TEXT NOT NULL DEFAULT '{}',      -- JSON
    resource_policy TEXT NOT NULL DEFAULT 'default',
    integration_id TEXT,
    UNIQUE (domain_name, name)
);
CREATE TABLE users (
    uuid TEXT PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL UNIQUE,
    full_name TEXT NOT NULL DEFAULT '',
    description TEXT NOT NULL DEFAULT '',
    is_active INTEGER NOT NULL DEFAULT 1,
    status TEXT NOT NULL DEFAULT 'active',
    status_info TEXT,
    role TEXT NOT NULL DEFAULT 'user',
    domain_name TEXT NOT NULL REFERENCES domains(name),
    resource_policy TEXT NOT NULL DEFAULT 'default',
    main_access_key TEXT,
    created_at TEXT NOT NULL,
    modified_at TEXT NOT NULL
);
CREATE TABLE group_members (
    group_id TEXT NOT NULL REFERENCES groups(id),
    user_uuid TEXT NOT NULL REFERENCES users(uuid),
    PRIMARY KEY (group_id, user_uuid)
) WITHOUT ROWID;
CREATE TABLE keypair_resource_policies (
    name TEXT PRIMARY KEY,
    created_at TEXT NOT NULL,
    default_for_unspecified TEXT NOT NULL DEFAULT 'UNLIMITED',
    total_resource_slots TEXT NOT NULL DEFAULT '{}',      -- JSON
    max_session_lifetime INTEGER NOT NULL DEFAULT 0,      -- seconds, 0 for no limit
    max_concurrent_sessions INTEGER NOT NULL DEFAULT 64,
    max_containers_per_session INTEGER NOT NULL DEFAULT 8,
    idle_timeout INTEGER NOT NULL DEFAULT 0               -- seconds, 0 for never
);
CREATE TABLE keypairs (
    access_key TEXT PRIMARY KEY,
    secret_key TEXT NOT NULL,
    user TEXT NOT NULL REFERENCES users(uuid),
    is_active INTEGER NOT NULL DEFAULT 1,
    is_admin INTEGER NOT NULL DEFAULT 0,
    resource_policy TEXT NOT NULL REFERENCES keypair_resource_policies(name),
    rate_limit INTEGER NOT NULL DEFAULT 30000,            -- requests in 15 minutes
    created_at TEXT NOT NULL,
    last_used TEXT,
    num_queries INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX keypairs_user ON keypairs(user);
CREATE TABLE sessions (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,           -- order of arrival
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    image TEXT NOT NULL,
    asked_image TEXT NOT NULL,
    architecture TEXT NOT NULL,
    access_key TEXT NOT NULL REFERENCES keypairs(access_key),
    user_uuid TEXT NOT NULL REFERENCES users(uuid),
    domain_name TEXT NOT NULL,
    group_id TEXT NOT NULL REFERENCES groups(id),
    scaling_group TEXT NOT NULL,
    tag TEXT,
    cluster_mode TEXT NOT NULL,
    cluster_size INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    requested_slots TEXT NOT NULL,                        -- JSON, of each kernel
    resource_opts TEXT NOT NULL,                          -- JSON
    environ TEXT NOT NULL,                                -- JSON
    preopen_ports TEXT NOT NULL,                          -- JSON
    dependencies TEXT NOT NULL,                           -- JSON list of session ids
    startup_command TEXT,
    bootstrap_script TEXT,
    callback_url TEXT,
    starts_at TEXT,
    status TEXT NOT NULL,
    status_info TEXT,
    status_data TEXT,                                     -- JSON
    status_changed TEXT NOT NULL,
    result TEXT NOT NULL DEFAULT 'UNDEFINED',
    exit_code INTEGER,
    created_at TEXT NOT NULL,
    scheduled_at TEXT,
    terminated_at TEXT,
    num_queries INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX sessions_status ON sessions(status);
CREATE INDEX sessions_name ON sessions(access_key, name);
CREATE TABLE session_history (
    session_id TEXT NOT NULL REFERENCES sessions(id),
    status TEXT NOT NULL,
    info TEXT,
    at TEXT NOT NULL
);
CREATE INDEX session_history_session ON session_history(session_id);
CREATE TABLE kernels (
    id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions(id),
    cluster_role TEXT NOT NULL,
    cluster_idx INTEGER NOT NULL,
    cluster_hostname TEXT NOT NULL,
    status TEXT NOT NULL,
    status_info TEXT,
    status_changed TEXT NOT NULL,
    created_at TEXT NOT NULL,
    terminated_at TEXT,
    occupied_slots TEXT NOT NULL DEFAULT '{}',            -- JSON
    cpus TEXT NOT NULL DEFAULT '[]',                      -- JSON list of processor numbers
    exit_code INTEGER
);
CREATE INDEX kernels_session ON kernels(session_id);
CREATE INDEX kernels_status ON kernels(status);
CREATE TABLE kernel_logs (
    kernel_id TEXT PRIMARY KEY REFERENCES kernels(id),
    logs TEXT NOT NULL
);
"""
