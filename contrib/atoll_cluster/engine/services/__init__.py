"""The services of kernels and how each is started."""
