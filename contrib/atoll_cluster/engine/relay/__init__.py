"""Carries connections from elsewhere to a kernel's sockets; plain Python without dependencies."""
