"""The HTTP face of the cluster: one module for each area of the Backend.AI API."""
