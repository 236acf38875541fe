"""Carries connections to a kernel's sockets from elsewhere; plain Python without dependencies."""
