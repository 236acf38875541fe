"""Connections to hosts by the user's own OpenSSH."""
