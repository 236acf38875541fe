"""Where kernels run: the agent, the id in the engine, and the time when the engine ends them."""

SQL = """
ALTER TABLE kernels ADD COLUMN agent TEXT;
ALTER TABLE kernels ADD COLUMN engine_id TEXT;            -- of a job, for example
ALTER TABLE kernels ADD COLUMN ends_at TEXT;
UPDATE kernels SET agent = 'i-local'
    WHERE session_id IN (SELECT id FROM sessions WHERE scheduled_at IS NOT NULL);
"""
