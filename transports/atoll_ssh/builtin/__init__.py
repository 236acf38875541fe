"""Connections to hosts by asyncssh, for machines without OpenSSH."""
