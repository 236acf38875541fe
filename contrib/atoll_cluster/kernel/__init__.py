"""The program inside a kernel's sandbox: it executes code and communicates with the engine.

It runs on the image's own Python (3.8 or newer) and uses only the standard library. It does not
import the rest of the cluster, because only this folder is visible in the sandbox. This program
takes most of an idle kernel's memory, so it does not import pathlib and typing, which would cost
every kernel 2 MB.
"""
