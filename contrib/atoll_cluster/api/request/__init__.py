"""Common to all requests: signature, limits, parameters, errors."""
