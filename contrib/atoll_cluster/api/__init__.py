"""The HTTP API of the cluster: a package for each area of the Backend.AI API."""
