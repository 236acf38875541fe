"""Carries connections to a kernel's sockets, from afar; plain Python without dependencies."""
