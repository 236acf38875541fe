"""What the cluster knows and must not forget, in one SQLite file."""
