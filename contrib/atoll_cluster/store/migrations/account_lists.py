"""Indexes that order long lists of users and keypairs without reading all rows."""

_USERS = ("full_name", "username", "domain_name", "role", "status", "modified_at")
_KEYPAIRS = ("user_id", "full_name", "last_used", "resource_policy", "rate_limit", "num_queries")

SQL = "".join(
    [
        """
ALTER TABLE keypairs ADD COLUMN full_name TEXT;           -- the user's, for lists
UPDATE keypairs SET full_name = (SELECT full_name FROM users WHERE uuid = keypairs.user);
CREATE TRIGGER keypairs_full_name AFTER INSERT ON keypairs BEGIN
    UPDATE keypairs SET full_name = (SELECT full_name FROM users WHERE uuid = NEW.user)
    WHERE access_key = NEW.access_key;
END;
CREATE TRIGGER users_full_name AFTER UPDATE OF full_name ON users BEGIN
    UPDATE keypairs SET full_name = NEW.full_name WHERE user = NEW.uuid;
END;
DROP INDEX keypairs_user_id;
""",
        *(
            f"CREATE INDEX users_by_{name} ON users({name}, created_at, email);\n"
            for name in _USERS
        ),
        *(
            f"CREATE INDEX keypairs_by_{name} ON keypairs({name}, created_at, access_key);\n"
            for name in _KEYPAIRS
        ),
    ]
)
