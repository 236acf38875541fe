"""Local ports: listening at them, finding out who connects, and serving connections."""
