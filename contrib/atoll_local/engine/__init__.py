"""Kernels as sandboxed processes of this machine. `contract` is what the rest of the cluster may know."""
