"""Settings of administrators: folder hosts, passwords, policies, scaling groups, settings."""

SQL = """
ALTER TABLE domains ADD COLUMN allowed_vfolder_hosts TEXT NOT NULL DEFAULT '{}';        -- JSON
ALTER TABLE domains ADD COLUMN allowed_docker_registries TEXT NOT NULL DEFAULT '[]';    -- JSON
ALTER TABLE groups ADD COLUMN allowed_vfolder_hosts TEXT NOT NULL DEFAULT '{}';       -- JSON
UPDATE domains SET allowed_vfolder_hosts = json_object('local:volume1', json_array(
    'create-vfolder', 'modify-vfolder', 'delete-vfolder', 'mount-in-session', 'upload-file',
    'download-file', 'invite-others', 'set-user-specific-permission')) WHERE name = 'default';

ALTER TABLE users ADD COLUMN password TEXT;               -- a salted hash
ALTER TABLE users ADD COLUMN need_password_change INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN allowed_client_ip TEXT;      -- JSON list of networks
ALTER TABLE users ADD COLUMN totp_activated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN sudo_session_enabled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN container_uid INTEGER;
ALTER TABLE users ADD COLUMN container_main_gid INTEGER;
ALTER TABLE users ADD COLUMN container_gids TEXT;         -- JSON
CREATE INDEX users_created ON users(created_at, email);

ALTER TABLE keypairs ADD COLUMN ssh_public_key TEXT;
ALTER TABLE keypairs ADD COLUMN ssh_private_key TEXT;
ALTER TABLE keypairs ADD COLUMN user_id TEXT;             -- the user's mail address, for lists
UPDATE keypairs SET user_id = (SELECT email FROM users WHERE uuid = keypairs.user);
CREATE TRIGGER keypairs_user_id AFTER INSERT ON keypairs BEGIN
    UPDATE keypairs SET user_id = (SELECT email FROM users WHERE uuid = NEW.user)
    WHERE access_key = NEW.access_key;
END;
CREATE INDEX keypairs_created ON keypairs(created_at, access_key);
CREATE INDEX keypairs_user_id ON keypairs(user_id);

ALTER TABLE keypair_resource_policies ADD COLUMN max_concurrent_sftp_sessions INTEGER
    NOT NULL DEFAULT 1;
ALTER TABLE keypair_resource_policies ADD COLUMN max_pending_session_count INTEGER;
ALTER TABLE keypair_resource_policies ADD COLUMN max_pending_session_resource_slots TEXT;  -- JSON
ALTER TABLE keypair_resource_policies ADD COLUMN max_vfolder_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE keypair_resource_policies ADD COLUMN max_vfolder_size INTEGER NOT NULL DEFAULT 0;
ALTER TABLE keypair_resource_policies ADD COLUMN max_quota_scope_size INTEGER NOT NULL DEFAULT 0;
ALTER TABLE keypair_resource_policies ADD COLUMN allowed_vfolder_hosts TEXT
    NOT NULL DEFAULT '{}';                                -- JSON
CREATE TABLE user_resource_policies (
    name TEXT PRIMARY KEY,
    created_at TEXT NOT NULL,
    max_vfolder_count INTEGER NOT NULL DEFAULT 0,         -- 0 for no limit
    max_vfolder_size INTEGER NOT NULL DEFAULT 0,          -- bytes
    max_quota_scope_size INTEGER NOT NULL DEFAULT 0,      -- bytes
    max_session_count_per_model_session INTEGER NOT NULL DEFAULT 0,
    max_customized_image_count INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE project_resource_policies (
    name TEXT PRIMARY KEY,
    created_at TEXT NOT NULL,
    max_vfolder_count INTEGER NOT NULL DEFAULT 0,
    max_vfolder_size INTEGER NOT NULL DEFAULT 0,
    max_quota_scope_size INTEGER NOT NULL DEFAULT 0,
    max_network_count INTEGER NOT NULL DEFAULT 0
);
INSERT INTO user_resource_policies (name, created_at)
    VALUES ('default', strftime('%Y-%m-%dT%H:%M:%f000+00:00'));
INSERT INTO project_resource_policies (name, created_at)
    VALUES ('default', strftime('%Y-%m-%dT%H:%M:%f000+00:00'));

CREATE TABLE scaling_groups (
    name TEXT PRIMARY KEY,
    description TEXT NOT NULL DEFAULT '',
    is_active INTEGER NOT NULL DEFAULT 1,
    is_public INTEGER NOT NULL DEFAULT 1,
    created_at TEXT NOT NULL,
    wsproxy_addr TEXT,
    wsproxy_api_token TEXT,
    driver TEXT NOT NULL DEFAULT 'static',
    driver_opts TEXT NOT NULL DEFAULT '{}',               -- JSON
    scheduler TEXT NOT NULL DEFAULT 'fifo',
    scheduler_opts TEXT NOT NULL DEFAULT '{}',          -- JSON
    use_host_network INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE scaling_group_access (
    scaling_group TEXT NOT NULL REFERENCES scaling_groups(name) ON DELETE CASCADE,
    kind TEXT NOT NULL,                                   -- domain, group or keypair
    whom TEXT NOT NULL,                                   -- its key
    PRIMARY KEY (scaling_group, kind, whom)
) WITHOUT ROWID;
INSERT INTO scaling_groups (name, description, created_at, use_host_network)
    VALUES ('default', 'this machine', strftime('%Y-%m-%dT%H:%M:%f000+00:00'), 1);
INSERT INTO scaling_group_access VALUES ('default', 'domain', 'default');
CREATE TABLE agents (
    id TEXT PRIMARY KEY,
    scaling_group TEXT NOT NULL REFERENCES scaling_groups(name),
    schedulable INTEGER NOT NULL DEFAULT 1
);
INSERT INTO agents (id, scaling_group) VALUES ('i-local', 'default');

CREATE TABLE resource_presets (
    name TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    resource_slots TEXT NOT NULL,                         -- JSON
    shared_memory INTEGER,                                -- bytes
    scaling_group_name TEXT REFERENCES scaling_groups(name) ON DELETE CASCADE
);
INSERT INTO resource_presets (name, id, resource_slots) VALUES
    ('small', 'b1a5f2c0-5d0c-4a5e-9f0e-7a3d5a0f1a01', '{"cpu": "1", "mem": "1073741824"}'),
    ('medium', 'b1a5f2c0-5d0c-4a5e-9f0e-7a3d5a0f1a02', '{"cpu": "2", "mem": "4294967296"}');

CREATE TABLE image_aliases (
    alias TEXT PRIMARY KEY,
    target TEXT NOT NULL                                  -- the canonical name of an image
) WITHOUT ROWID;
CREATE TABLE forgotten_images (
    name TEXT PRIMARY KEY                                 -- until the next scan
) WITHOUT ROWID;

CREATE TABLE settings (
    key TEXT PRIMARY KEY,                                 -- names separated by slashes
    value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE error_logs (
    log_id TEXT PRIMARY KEY,
    created_at TEXT NOT NULL,
    severity TEXT NOT NULL,
    source TEXT NOT NULL,
    user TEXT REFERENCES users(uuid) ON DELETE CASCADE,
    is_read INTEGER NOT NULL DEFAULT 0,
    is_cleared INTEGER NOT NULL DEFAULT 0,
    message TEXT NOT NULL,
    context_lang TEXT NOT NULL,
    context_env TEXT NOT NULL,                            -- JSON
    request_url TEXT,
    request_status INTEGER,
    traceback TEXT
);
CREATE INDEX error_logs_created ON error_logs(created_at);
"""
