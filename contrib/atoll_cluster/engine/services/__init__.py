"""The services of kernels, and how each service is started."""
