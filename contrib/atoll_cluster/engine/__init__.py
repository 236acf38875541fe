"""Kernels as sandboxed processes of this machine; others know `contract` alone."""
