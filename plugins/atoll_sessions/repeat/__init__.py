"""`watch`: run a command again and again, showing what has changed, until a condition holds."""
