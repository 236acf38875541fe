"""The cluster's data, in one SQLite file."""
