"""What every request meets: signature, limits, parameters, and how failures are told."""
