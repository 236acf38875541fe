"""Where kernels run: on which agent, what their engine calls them, when their time is up."""

SQL = """
ALTER TABLE kernels ADD COLUMN agent TEXT;
ALTER TABLE kernels ADD COLUMN engine_id TEXT;            -- of a job, for example
ALTER TABLE kernels ADD COLUMN ends_at TEXT;
UPDATE kernels SET agent = 'i-local'
    WHERE session_id IN (SELECT id FROM sessions WHERE scheduled_at IS NOT NULL);
"""
