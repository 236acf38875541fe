"""The services of kernels: what can be connected to, and how each is started."""
