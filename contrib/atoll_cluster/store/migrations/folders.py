"""Virtual folders, their shares, and the sessions that mount them."""

SQL = """
CREATE TABLE vfolders (
    id TEXT PRIMARY KEY,                                  -- a UUID without dashes
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    usage_mode TEXT NOT NULL,
    permission TEXT NOT NULL,                             -- ro, rw or wd
    user TEXT REFERENCES users(uuid) ON DELETE CASCADE,   -- either a user or a group owns it
    group_id TEXT REFERENCES groups(id) ON DELETE CASCADE,
    creator TEXT NOT NULL,                                -- mail address
    domain_name TEXT NOT NULL,
    unmanaged_path TEXT,
    cloneable INTEGER NOT NULL DEFAULT 0,
    max_size INTEGER,                                     -- bytes, null for no limit
    status TEXT NOT NULL,
    created_at TEXT NOT NULL,
    last_used TEXT,
    CHECK ((user IS NULL) != (group_id IS NULL))
);
CREATE INDEX vfolders_user ON vfolders(user);
CREATE INDEX vfolders_group ON vfolders(group_id);
CREATE TABLE vfolder_permissions (
    vfolder TEXT NOT NULL REFERENCES vfolders(id) ON DELETE CASCADE,
    user TEXT NOT NULL REFERENCES users(uuid) ON DELETE CASCADE,
    permission TEXT NOT NULL,
    PRIMARY KEY (vfolder, user)
) WITHOUT ROWID;
CREATE INDEX vfolder_permissions_user ON vfolder_permissions(user);
CREATE TABLE vfolder_invitations (
    id TEXT PRIMARY KEY,
    vfolder TEXT NOT NULL REFERENCES vfolders(id) ON DELETE CASCADE,
    inviter TEXT NOT NULL,                                -- mail address
    invitee TEXT NOT NULL,                                -- mail address
    permission TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending',
    created_at TEXT NOT NULL,
    modified_at TEXT NOT NULL
);
CREATE INDEX vfolder_invitations_invitee ON vfolder_invitations(invitee);
ALTER TABLE sessions ADD COLUMN vfolder_mounts TEXT NOT NULL DEFAULT '[]';  -- JSON
"""
