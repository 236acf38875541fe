"""Decodes pictures in a process of its own: `python -m atoll_sessions.pictures.drawing`.

Data from a session is not trusted, so the shell's own process does not decode it. The decoding
process has limited memory and time; if it crashes, only one picture is lost. It needs Pillow, and
resvg for SVG. It reads the picture from standard input, and writes what the terminal draws to
standard output.
"""

BROKEN, MISSING = 3, 4
"""Exit codes: the picture can't be drawn, or a library is not installed. Standard error says
more.
"""
LEFT_OUT, NO_FONT = "left out", "no font"
"""Written to standard error if a picture refers to something elsewhere, or if there is no font for
its text.
"""
