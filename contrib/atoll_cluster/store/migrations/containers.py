"""The container in which each kernel runs."""

SQL = """
ALTER TABLE kernels ADD COLUMN container_id TEXT;         -- another one after each restart
UPDATE kernels SET container_id = id WHERE status NOT IN ('PENDING', 'SCHEDULED', 'CANCELLED');
"""
