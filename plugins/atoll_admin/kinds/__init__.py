"""The kinds of things that administrators care for, one module each."""
