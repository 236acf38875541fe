"""Templates of clusters, in addition to those of sessions."""

SQL = """
ALTER TABLE session_templates ADD COLUMN kind TEXT NOT NULL DEFAULT 'task';  -- or cluster
"""
