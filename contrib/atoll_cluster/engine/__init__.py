"""Run kernels as sandboxed processes; other packages import only `contract`."""
