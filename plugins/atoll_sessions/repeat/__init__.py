"""`watch`: runs a command repeatedly and shows what has changed, until a condition holds."""
