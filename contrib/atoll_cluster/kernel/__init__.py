"""The program inside a kernel's sandbox: it executes code and talks to the engine.

It runs on the image's own Python (3.8 or newer) with nothing but the standard library, and knows
nothing of the rest of the cluster: this folder alone is visible in the sandbox. An idle kernel is
mostly this program, so pathlib and typing stay out of it: they would cost every kernel 2 MB.
"""
