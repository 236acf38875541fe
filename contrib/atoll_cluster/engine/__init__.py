"""Kernels as sandboxed processes; other packages use only `contract`."""
