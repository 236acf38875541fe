"""What all requests have in common: signatures, limits, parameters, errors."""
