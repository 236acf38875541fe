"""An index that finds late pages of long lists quickly."""

SQL = """
ALTER TABLE sessions ADD COLUMN newest TEXT;              -- what lists are ordered by
UPDATE sessions SET newest = max(created_at, coalesce(terminated_at, created_at));
CREATE TRIGGER sessions_newest_at_first AFTER INSERT ON sessions BEGIN
    UPDATE sessions SET newest = max(created_at, coalesce(terminated_at, created_at))
    WHERE sequence = NEW.sequence;
END;
CREATE TRIGGER sessions_newest_at_last AFTER UPDATE OF terminated_at ON sessions BEGIN
    UPDATE sessions SET newest = max(created_at, coalesce(terminated_at, created_at))
    WHERE sequence = NEW.sequence;
END;
-- With all that lists are usually narrowed by, so that a page far down is found in the index alone.
CREATE INDEX sessions_newest
    ON sessions(newest, sequence, status, access_key, user_uuid, domain_name, group_id);
"""
