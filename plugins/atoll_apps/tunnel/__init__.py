"""Tunnels to services of sessions, and connections from local ports through them."""
