"""Session templates: write them once, start sessions from them."""
